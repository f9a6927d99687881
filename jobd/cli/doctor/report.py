"""The doctor's findings, for people and as one JSON document."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import click

from jobd.cli.ctl.errors import printable
from jobd.cli.doctor.finding import Finding, Verdict
from jobd.core.amounts import counted

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}
_INDENT = "  "
_WIDEST_SUBJECT = 20
_NARROWEST = 30  # columns for the words, however narrow the terminal

Section = tuple[str, Sequence[Finding]]


def section_lines(section: Section, width: int | None, subject_width: int) -> Iterator[str]:
    """Yield a section: its name, a line for each finding, and below it the mend, once for
    neighbours that share it. ``width``: of the terminal, None where nobody looks at one and
    nothing is wrapped."""
    name, findings = section
    yield click.style(name, bold=True)
    for finding, following in zip_longest(findings, findings[1:]):
        is_repeated = following is not None and following.mend == finding.mend
        shown = replace(finding, mend="") if is_repeated else finding
        yield from _lines(shown, width, subject_width)


def subject_width(subjects: Iterable[str]) -> int:
    """Return how wide the column of the subjects is; a job's name may be longer."""
    return min(max(map(len, subjects), default=0), _WIDEST_SUBJECT)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict."""
    found = {finding.verdict for finding in findings}
    return next((v for v in (Verdict.FAIL, Verdict.WARN) if v in found), Verdict.OK)


def summary(findings: Sequence[Finding]) -> str:
    """Return how many there are of each verdict, in one line."""
    counts = {v: sum(finding.verdict is v for finding in findings) for v in Verdict}
    warnings = counted(counts[Verdict.WARN], "warning")
    if not counts[Verdict.FAIL]:
        return f"{counts[Verdict.OK]} ok, {warnings}: this machine can keep the promises"
    return f"{counts[Verdict.FAIL]} failed, {warnings}, {counts[Verdict.OK]} ok"


def document(sections: Sequence[Section]) -> dict[str, Any]:
    """Return everything as JSON; its keys are stable."""
    findings = [finding for _, found in sections for finding in found]
    return {
        "verdict": verdict_of(findings).value,
        "findings": [
            {
                "section": name,
                "subject": finding.subject,
                "verdict": finding.verdict.value,
                "words": finding.words,
                "mend": finding.mend,
            }
            for name, found in sections
            for finding in found
        ],
    }


def _lines(finding: Finding, width: int | None, subject_width: int) -> Iterator[str]:
    verdict = click.style(f"{finding.verdict.value:<4}", fg=_COLOURS[finding.verdict])
    head = f"{_INDENT}{verdict}  {finding.subject:<{subject_width}}  "
    margin = len(_INDENT) + 4 + 2 + subject_width + 2
    first, *others = _wrapped(finding.words, width, margin)
    yield f"{head}{first}"
    for line in others:
        yield " " * margin + line
    if finding.mend:
        for number, line in enumerate(_wrapped(finding.mend, width, margin + 2)):
            yield " " * margin + ("→ " if number == 0 else "  ") + line


def _wrapped(text: str, width: int | None, margin: int) -> list[str]:
    shown = printable(" ".join(text.split()))
    if width is None:
        return [shown]
    room = max(width - margin, _NARROWEST)
    return textwrap.wrap(shown, room, break_on_hyphens=False) or [""]
