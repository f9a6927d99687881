"""``jobd ctl report``: which jobs take too much, or will, and when."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.client import Client, Document
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.table import facts, table
from jobd.cli.ctl.wording import NOTHING, duration, size
from jobd.web.forecast_words import KINDS, sentence, step_sentence

PATIENCE_S = 300.0  # ten thousand trends are half a minute's work

LEGEND = """\
19 of 20 recent runs stay within so much of INTERVAL, TIMEOUT and MEMORY, and
within SLOW and PEAK. TOOK: what is usual lately. SKIPS: ticks of seven days at
which the prior run was still active."""
_NARROWEST = 8  # of a name, on a narrow terminal: with it all figures fit on 80 columns
_ALL_WELL = "no job takes too much, or is seen to in the time to come"
_NO_LIMIT = "there is no interval, timeout or memory_max that it could reach"


@ctl_command(
    ("jobd ctl report", "the most urgent first"),
    ("jobd ctl report backup", "all that is foretold of it"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", shell_complete=candidates.jobs, required=False)
def report(session: Session, job: str | None) -> None:
    """Jobs by how much of their interval and of their ceilings they use, the trend, and when
    it will be too much; the most urgent first.

    From the runs that the history keeps, of all nodes. With JOB: all that is foretold of it.
    """
    document = Client(session.client.path, timeout_s=PATIENCE_S).get("report", job=job)
    session.show(document, lambda: "\n".join(report_lines(document, is_one=job is not None)))


def report_lines(document: Document, *, is_one: bool) -> Iterator[str]:
    """Yield what somebody should look at, in sentences, and the table of all."""
    told = [pair for job in document["jobs"] for pair in _sentences(job, document, is_one)]
    if told:
        yield "FORECAST" if is_one else "LOOK AT THESE"
        yield facts(told)
    else:
        yield _NO_LIMIT if is_one else _ALL_WELL
    yield ""
    heads = ("JOB", *KINDS.values(), "SKIPS", "TREND", "TOOK", "SLOW", "PEAK")
    rows = [_row(job) for job in document["jobs"]]
    yield table(heads, rows, narrowest=_NARROWEST)
    yield ""
    yield LEGEND


def _sentences(
    job: Mapping[str, Any], document: Document, is_one: bool
) -> Iterator[tuple[str, str]]:
    """Yield the job's name and what is to be said of each limit, the name once."""
    name, now = str(job["job"]), datetime.fromisoformat(document["now"])
    for kind in KINDS:
        ceiling = job[kind]
        if ceiling is not None and (ceiling["needs_a_look"] or is_one):
            yield name, sentence(kind, job, now)
            name = ""
    if job["grown_step"] is not None and (is_one or not name):
        yield name, step_sentence(job["grown_step"])


def _row(job: Mapping[str, Any]) -> tuple[str, ...]:
    took, peak = job["duration"], job["memory_peak"]
    return (
        job["job"],
        *(_share(job[kind]) for kind in KINDS),
        str(job["skipped_overlap_7d"]),
        _trend(job),
        duration(took["lately_s"]) if took else NOTHING,
        duration(took["high_s"]) if took else NOTHING,
        size(peak["high_bytes"]) if peak else NOTHING,
    )


def _share(ceiling: Mapping[str, Any] | None) -> str:
    if ceiling is None or ceiling["use_high"] is None:
        return NOTHING
    return f"{ceiling['use_high']:.0%}"


def _trend(job: Mapping[str, Any]) -> str:
    """Return where time and memory lead, in a word or two."""
    if not job["runs"]:
        return "no runs"
    courses = [part["course"] for part in (job["duration"], job["memory_peak"]) if part]
    if all(course == "unknown" for course in courses):
        return "few runs"
    is_longer, is_larger = (
        bool(job[part]) and job[part]["course"] == "grows" for part in ("duration", "memory_peak")
    )
    if is_longer or is_larger:
        return "both up" if is_longer and is_larger else "time up" if is_longer else "memory up"
    return "down" if "shrinks" in courses else "steady"
