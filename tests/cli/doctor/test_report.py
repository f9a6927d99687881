"""What a person reads at three in the morning, and what a script does."""

import click

from jobd.cli.doctor import report
from jobd.cli.doctor.finding import Verdict, fail, ok, warn

SECTION = (
    "store",
    [
        ok("own file", "sound"),
        warn("latency", "120 ms", "look at the network"),
        fail("tables", "none", "run jobd migrate"),
    ],
)


def lines(width: int | None, section: report.Section = SECTION) -> list[str]:
    return [click.unstyle(line) for line in report.section_lines(section, width, 8)]


def test_a_line_has_a_verdict_a_subject_and_words_and_the_mend_below() -> None:
    assert lines(None) == [
        "store",
        "  ok    own file  sound",
        "  warn  latency   120 ms",
        "                  → look at the network",
        "  fail  tables    none",
        "                  → run jobd migrate",
    ]


def test_words_go_on_below_where_the_terminal_ends() -> None:
    long = ("a", [ok("x", "one two three four five six seven eight nine")])
    assert lines(50, long) == [
        "a",
        "  ok    x         one two three four five six",
        "                  seven eight nine",
    ]


def test_neighbours_share_a_mend() -> None:
    """Four ceilings that are not held for one reason need one thing done, not four."""
    shared = ("a", [warn("x", "1", "do it"), warn("y", "2", "do it"), warn("z", "3", "else")])
    assert [line.strip() for line in lines(None, shared) if "→" in line] == ["→ do it", "→ else"]


def test_nothing_that_a_terminal_obeys_comes_through() -> None:
    assert (
        lines(None, ("a", [ok("x", "bad \x1b[31m name")]))[1] == "  ok    x         bad ?[31m name"
    )


def test_the_document_has_the_worst_verdict_and_every_finding() -> None:
    found = report.document([SECTION])
    assert found["verdict"] == "fail"
    assert found["findings"][1] == {
        "section": "store",
        "subject": "latency",
        "verdict": "warn",
        "words": "120 ms",
        "mend": "look at the network",
    }


def test_warnings_alone_leave_the_promises_whole() -> None:
    findings = SECTION[1][:2]
    assert report.verdict_of(findings) is Verdict.WARN
    assert report.summary(findings) == "1 ok, 1 warning: this machine can keep the promises"
    assert report.summary(SECTION[1]) == "1 failed, 1 warning, 1 ok"
