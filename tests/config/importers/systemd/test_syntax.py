"""The syntax of unit files: lines, words, time spans and sizes, as systemd reads them."""

import subprocess
from collections.abc import Callable
from datetime import timedelta

import pytest

from jobd.config.importers.systemd.specifiers import UnitName, resolve
from jobd.config.importers.systemd.syntax import (
    Assignment,
    Stray,
    Unreadable,
    read_assignments,
    size,
    split_words,
    time_span,
)


def values(text: str) -> list[tuple[str, str, int]]:
    read = [one for one in read_assignments(text, "x") if isinstance(one, Assignment)]
    return [(one.key, one.value, one.line) for one in read]


def test_a_line_that_ends_in_a_backslash_goes_on_past_comments() -> None:
    """The example of systemd.syntax(7)."""
    text = "[Section C]\nKeyThree=value 3\\\n# ignored\n; ignored too\n       value 3 continued\n"
    assert values(text) == [("KeyThree", "value 3 value 3 continued", 2)]


def test_a_backslash_that_is_escaped_ends_its_line() -> None:
    assert values("[S]\nA=x\\\\\nB=y") == [("A", "x\\\\", 2), ("B", "y", 3)]


def test_space_around_the_equals_sign_is_none_of_the_value() -> None:
    assert values("[S]\r\n  A  =  x y  \r\nB=\r\n") == [("A", "x y", 2), ("B", "", 3)]


@pytest.mark.parametrize("text", ["A=x", "[S]\nno assignment", "[S]\nA=\0", "[S]\n=x"])
def test_a_line_that_systemd_passes_over_is_known_as_one(text: str) -> None:
    read = list(read_assignments(text, "x"))
    assert [type(one) for one in read] == [Stray]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        (r"\x41\u00e9\101 \t\s", ["AéA", "\t "]),
        (r"'it\'s'", ["it's"]),
        (r"\d\.", [r"\d\."]),
        ("a''b", ["ab"]),
        ("''", [""]),
    ],
)
def test_words_lose_their_quotes_and_keep_what_those_held(text: str, words: list[str]) -> None:
    assert [word.text for word in split_words(text)] == words


def test_a_quote_that_is_not_closed_is_refused() -> None:
    with pytest.raises(Unreadable, match="is not closed"):
        split_words("a 'b")


SPANS = [
    "90",
    "2 h",
    "2hours",
    "48hr",
    "1y 12month",
    "55s500ms",
    "300ms20s 5day",
    "1.5h",
    "3w",
    "0",
]


@pytest.mark.parametrize("text", SPANS)
def test_a_time_span_is_as_long_as_systemd_says(
    text: str, needs_tool: Callable[[str, str], str]
) -> None:
    needs_tool("systemd-analyze", "systemd")
    done = subprocess.run(
        ["systemd-analyze", "timespan", text],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    microseconds = int(done.stdout.split("s:")[1].split()[0])
    assert time_span(text) == timedelta(microseconds=microseconds)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-1", "1h x"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        time_span(text)


def test_infinity_is_no_bound() -> None:
    assert (time_span("infinity"), size("infinity")) == (None, None)


@pytest.mark.parametrize(("text", "expected"), [("1K", 1024), ("1.5G", 1610612736), ("7", 7)])
def test_sizes_are_powers_of_1024(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%n", "a-b@c-d.service"),
        ("%N %p %P %j", "a-b@c-d a-b a/b b"),
        ("%i %I %f", "c-d c/d /c/d"),
        ("%t %S %h %u %%", "/run /var/lib /root root %"),
    ],
)
def test_specifiers_are_resolved_by_the_name(text: str, expected: str) -> None:
    assert resolve(text, UnitName.of("a-b@c-d.service")) == (expected, ())


def test_escapes_in_a_name_are_undone_as_bytes() -> None:
    """systemd-escape writes é as two of them."""
    assert resolve("%I", UnitName.of(r"a@x\xc3\xa9-y.service")) == ("xé/y", ())


def test_a_specifier_that_only_the_machine_knows_stays_and_is_named() -> None:
    assert resolve("%H/%i", UnitName.of("a.service")) == ("%H/", ("%H",))
