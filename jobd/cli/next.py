"""``jobd next``: the coming ticks, of configured jobs or of an expression."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from jobd.cli import exits
from jobd.cli.ctl.table import table
from jobd.cli.ctl.wording import distance
from jobd.cli.described import Described
from jobd.cli.instants import instant_of, utc
from jobd.cli.options import config_option, configured_jobs
from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.core.job import Job
from jobd.core.schedule import AfterSchedule, CronSchedule, Schedule, upcoming
from jobd.errors import ScheduleError

_DEFAULT_COUNT = 5
_MAX_COUNT = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schedule whose ticks are asked for, and the zone in which to show them."""

    job: str
    schedule: Schedule
    timezone: str


@dataclass(frozen=True, slots=True)
class Row:
    """A tick to be shown."""

    job: str
    tick: datetime  # UTC
    local: datetime
    note: str


@click.command(
    "next",
    cls=Described,
    examples=[
        ("jobd next", "the next tick of every job"),
        ("jobd next backup --count 10", "ten of one job"),
        (
            'jobd next --schedule "30 2 * * *" --tz Europe/Berlin --after 2026-03-28',
            "an expression, over a change of the clock",
        ),
    ],
    exits=exits.told(exits.OK, exits.USAGE, exits.BAD_CONFIG),
)
@click.argument("names", metavar="[JOB]...", nargs=-1, shell_complete=configured_jobs)
@config_option
@click.option("--schedule", "expression", metavar="EXPR", help="A cron expression, not a job.")
@click.option("--tz", "timezone", metavar="ZONE", help="Its time zone.  [default: UTC]")
@click.option("--after", metavar="ISO", help="Ticks after this instant.  [default: now]")
@click.option(
    "--count",
    type=click.IntRange(1, _MAX_COUNT),
    metavar="N",
    help=f"How many of each job.  [default: {_DEFAULT_COUNT}; 1 if all jobs are shown]",
)
@click.option("--json", "as_json", is_flag=True, help="A list of {job, tick, local}.")
def next_ticks(
    names: tuple[str, ...],
    path: Path,
    expression: str | None,
    timezone: str | None,
    after: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Print the coming ticks of all jobs, of some, or of an expression.

    Times are the schedule's own, before jitter. A time without offset after --after is UTC.
    """
    if expression is not None:
        wanted, unshown = [_expression(expression, timezone, names)], []
    elif timezone is not None:
        raise click.UsageError("--tz belongs to --schedule; a job has its zone in its file")
    else:
        jobs = _chosen(load(path).jobs, names)
        wanted, unshown = _scheduled(jobs), _without_ticks(jobs)
    now = SystemClock().now()
    start = now if after is None else instant_of("--after", after)
    each = count or (_DEFAULT_COUNT if names or expression is not None else 1)
    rows = sorted(_rows(wanted, start, each), key=lambda row: (row.tick, row.job))
    click.echo(_as_json(rows) if as_json else _as_table(rows, now))
    for line in unshown:
        click.echo(line, err=True)


def _expression(text: str, timezone: str | None, names: Sequence[str]) -> Wanted:
    if names:
        raise click.UsageError("give jobs, or --schedule, not both")
    zone = timezone or "UTC"
    try:
        # Without a job H has no name to be hashed by: it shows where "" would be.
        return Wanted("", CronSchedule.parse(text, job="", timezone=zone), zone)
    except ScheduleError as error:
        raise click.UsageError(f"--schedule: {error}") from None


def _chosen(jobs: Mapping[str, Job], names: Sequence[str]) -> list[Job]:
    for name in names:
        if name not in jobs:
            near = get_close_matches(name[:100], jobs, 1)
            mend = f'did you mean "{near[0]}"?' if near else "leave it out to see them all"
            raise click.UsageError(f'there is no job "{name}"; {mend}')
    return [jobs[name] for name in dict.fromkeys(names)] if names else list(jobs.values())


def _scheduled(jobs: Sequence[Job]) -> list[Wanted]:
    return [
        Wanted(job.name, job.schedule, job.timezone)
        for job in jobs
        if job.enabled and job.schedule is not None and not isinstance(job.schedule, AfterSchedule)
    ]


def _without_ticks(jobs: Sequence[Job]) -> list[str]:
    """Return a line for each job whose ticks cannot be told."""
    lines = []
    for job in jobs:
        if not job.enabled:
            lines.append(f"{job.name}: disabled")
        elif job.schedule is None:
            lines.append(f"{job.name}: has no schedule; it is triggered by hand")
        elif isinstance(job.schedule, AfterSchedule):
            lines.append(f"{job.name}: {job.schedule.text} the end of its last run")
    return lines


def _rows(wanted: Sequence[Wanted], start: datetime, count: int) -> Iterator[Row]:
    for one in wanted:
        zone = ZoneInfo(one.timezone)
        for tick in islice(upcoming(one.schedule, start), count):
            note = one.schedule.note(tick) if isinstance(one.schedule, CronSchedule) else ""
            yield Row(one.job, tick, tick.astimezone(zone), note)


def _as_json(rows: Sequence[Row]) -> str:
    items = (
        {"job": row.job, "tick": utc(row.tick), "local": row.local.isoformat()} for row in rows
    )
    return "[" + ",\n ".join(json.dumps(item, ensure_ascii=False) for item in items) + "]"


def _as_table(rows: Sequence[Row], now: datetime) -> str:
    if not rows:
        return "no tick will come"
    heads = ["JOB", "LOCAL TIME", "UTC", "IN", "NOTE"]
    cells = [
        [row.job, _local(row.local), utc(row.tick), distance(row.tick - now), row.note]
        for row in rows
    ]
    first = 0 if rows[0].job else 1  # an expression has no job to name
    return table(heads[first:], [line[first:] for line in cells])


def _local(local: datetime) -> str:
    return f"{local:%a %Y-%m-%d %H:%M:%S} {local.tzname()}"
