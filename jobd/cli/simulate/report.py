"""Report: a simulation for people, on eighty columns."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from jobd.cli.ctl.table import section
from jobd.cli.ctl.wording import duration, size
from jobd.cli.instants import utc
from jobd.config.units import format_duration
from jobd.core.admission import UNKNOWN_BYTES
from jobd.core.amounts import counted
from jobd.core.ledger import SkipReason
from jobd.simulate.expectation import ASSUMED_DURATION, Source
from jobd.simulate.figures import (
    Busy,
    JobFigures,
    busiest,
    by_trouble,
    job_figures,
    skips_by_reason,
    sourced,
)
from jobd.simulate.simulation import Replay, Simulation
from jobd.simulate.tally import Crowd

_JOBS = 30  # rows; the rest is in the JSON
_NAMES = 3
_WIDTH = 80
_NARROWEST = 20  # of a job's name, on a narrow terminal; the reasons of skips are cut before that


def report(simulation: Simulation, took_s: float) -> str:
    """Return the whole of it."""
    blocks = [
        *_headline(simulation, took_s),
        *_summary(simulation),
        *_jobs(simulation),
        *_busiest(simulation, simulation.configured, "Busiest instants"),
    ]
    if simulation.without_jitter is not None:
        blocks += _busiest(simulation, simulation.without_jitter, "Busiest instants without jitter")
    notes = [textwrap.fill(note, _WIDTH, break_on_hyphens=False) for note in _notes(simulation)]
    return "\n".join([*blocks, "", *notes])


def _headline(simulation: Simulation, took_s: float) -> Iterator[str]:
    span = format_duration(simulation.until - simulation.start)
    yield (
        f"{span} from {_when(simulation, simulation.start)}: "
        f"{counted(len(simulation.jobs), 'job')}, "
        f"{simulation.events:,} events in {duration(took_s)}"
    )
    if simulation.is_shortened:
        wanted = format_duration(simulation.wanted_until - simulation.start)
        yield (
            f"Not all of the {wanted}: these jobs have too many runs. Ask for fewer days, or from\n"
            f"another instant: --from {utc(simulation.until)}"
        )


def _summary(simulation: Simulation) -> Iterator[str]:
    replays = simulation.replays
    skips = [skips_by_reason(replay) for replay in replays]
    reasons = dict.fromkeys(reason for counts in skips for reason in counts)
    rows = [
        ["ticks started", *(f"{replay.starts:,}" for replay in replays)],
        ["ticks skipped", *(_skipped(replay) for replay in replays)],
        *([f"  {reason.value}", *(f"{each.get(reason, 0):,}" for each in skips)]
          for reason in reasons),
        ["most at once", *(_most_running(simulation, replay) for replay in replays)],
        ["most waiting", *(_most_waiting(simulation, replay) for replay in replays)],
        ["memory reserved", *(_most_reserved(simulation, replay) for replay in replays)],
    ]  # fmt: skip
    heads = ["", "AS CONFIGURED", *(["WITHOUT JITTER"] if len(replays) > 1 else [])]
    yield from section("", heads, rows)[1:]


def _jobs(simulation: Simulation) -> Iterator[str]:
    figures = by_trouble(job_figures(simulation, simulation.configured))
    heads = ["JOB", "STARTS", "TAKES", "USES", "LATE P50", "P99", "MAX", "SKIPPED"]
    rows = [_job(simulation, one) for one in figures[:_JOBS]]
    yield from section("Jobs", heads, rows, narrowest=_NARROWEST)
    if len(figures) > _JOBS:
        yield f"and {len(figures) - _JOBS:,} more with less trouble; --json has them all"


def _job(simulation: Simulation, one: JobFigures) -> list[str]:
    is_guess = simulation.expectations[one.job].duration_source is Source.ASSUMED
    lateness = one.lateness
    return [
        one.job,
        f"{one.starts:,}",
        ("~" if is_guess and one.duration_s is not None else "") + duration(one.duration_s),
        "-" if one.utilization is None else f"{one.utilization:.0%}",
        *(duration(each) for each in (lateness.p50_s, lateness.p99_s, lateness.max_s)),
        _by_reason(one.skips),
    ]


def _busiest(simulation: Simulation, replay: Replay, title: str) -> list[str]:
    heads = ["WHEN", "DAYS", "RUNNING", "WAITING", "MEMORY", "JOBS"]
    found = busiest(replay, simulation.config.daemon.timezone)
    return section(title, heads, [_busy(simulation, one) for one in found])


def _busy(simulation: Simulation, busy: Busy) -> list[str]:
    crowd = busy.crowd
    return [
        _short(simulation, crowd.at),
        str(busy.days),
        str(crowd.load.running),
        str(crowd.load.waiting),
        size(crowd.load.reserved_bytes),
        _named(crowd.jobs, crowd.load.running),
    ]


def _notes(simulation: Simulation) -> Iterator[str]:
    assumed = format_duration(ASSUMED_DURATION)
    bounds = "half the interval or the timeout where that is less"
    yield _sources(simulation, "duration", f"assumed (~{assumed}, or {bounds})")
    yield _sources(simulation, "memory", f"assumed ({size(UNKNOWN_BYTES)})")
    if simulation.config.store.is_shared:
        yield (
            "Simulated as one node that runs all of the cluster's jobs, wherever they may run: "
            "with more nodes up, each has less to do than this."
        )
    if simulation.left_out:
        told = ", ".join(f"{name} ({why})" for name, why in list(simulation.left_out.items())[:10])
        more = len(simulation.left_out) - 10
        yield f"Left out: {told}{f' and {more:,} more' if more > 0 else ''}."


def _sources(simulation: Simulation, kind: str, assumed: str) -> str:
    """Say by whose word jobs take what they take, and name those that were guessed at."""
    parts = []
    for source, names in sourced(simulation, kind).items():
        many = counted(len(names), "job")
        if source is Source.ASSUMED:
            parts.append(f"{many} {assumed}: {_named(names, len(names))}")
        else:
            parts.insert(0, f"{many} by {source.value}")
    return f"{kind.capitalize()}: {'; '.join(parts) or 'no job has ticks here'}."


def _skipped(replay: Replay) -> str:
    due = replay.starts + replay.skipped
    share = f" ({replay.skipped / due:.1%})" if replay.skipped else ""
    return f"{replay.skipped:,}{share}"


def _by_reason(skips: Mapping[SkipReason, int]) -> str:
    return ", ".join(f"{count:,} {reason.value}" for reason, count in skips.items()) or "0"


def _most_running(simulation: Simulation, replay: Replay) -> str:
    crowd, places = replay.tally.most_running, simulation.config.limits.max_running
    return f"{crowd.load.running if crowd else 0:,} of {places:,}{_since(simulation, crowd)}"


def _most_waiting(simulation: Simulation, replay: Replay) -> str:
    crowd = replay.tally.most_waiting
    return f"{crowd.load.waiting if crowd else 0:,}{_since(simulation, crowd)}"


def _most_reserved(simulation: Simulation, replay: Replay) -> str:
    crowd, budget = replay.tally.most_reserved, simulation.config.limits.memory_budget_bytes
    reserved = crowd.load.reserved_bytes if crowd else 0
    return f"{size(reserved)} of {size(budget)}{_since(simulation, crowd)}"


def _since(simulation: Simulation, crowd: Crowd | None) -> str:
    return "" if crowd is None else f", {_short(simulation, crowd.at)}"


def _named(names: Sequence[str], count: int) -> str:
    shown = ", ".join(names[:_NAMES])
    return f"{shown} and {count - _NAMES:,} more" if count > _NAMES else shown


def _when(simulation: Simulation, instant: datetime) -> str:
    local = instant.astimezone(ZoneInfo(simulation.config.daemon.timezone))
    return f"{local:%a %Y-%m-%d %H:%M} {local.tzname()}"


def _short(simulation: Simulation, instant: datetime) -> str:
    local = instant.astimezone(ZoneInfo(simulation.config.daemon.timezone))
    return f"{local:%a %m-%d %H:%M:%S}"
