"""``jobd ctl status`` and ``jobd ctl jobs``."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from jobd.cli.ctl.client import Document
from jobd.cli.ctl.cluster_words import (
    MEANWHILE,
    brief_state,
    drain_words,
    latency_words,
    nodes_words,
    run_state,
    shared_words,
    state_words,
)
from jobd.cli.ctl.said import said_section
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.table import facts, fitting, section
from jobd.cli.ctl.wording import NOTHING, duration, how_far, roughly, when
from jobd.config.units import format_size

_NARROWEST = 16  # columns for the names of jobs, however narrow the terminal

Row = tuple[str, ...]
Rows = tuple[Row, Sequence[Row]]  # heads, and the rows under them


@ctl_command(
    ("jobd ctl status", "what there is to know first"),
    ("jobd ctl status --json | jq .failing", "for scripts"),
)
def status(session: Session) -> None:
    """What runs, waits, failed, was skipped, and comes next."""
    document = session.client.get("status")
    session.show(document, lambda: "\n".join(status_lines(document)))


@ctl_command(
    ("jobd ctl jobs", "what ails a job is in front"),
)
def jobs(session: Session) -> None:
    """Every job and where it stands."""
    document = session.client.get("jobs")
    session.show(document, lambda: jobs_table(document))


def status_lines(document: Document) -> Iterator[str]:
    """Yield the blocks of the status, those with nothing in them left out."""
    now = datetime.fromisoformat(document["now"])
    yield facts(_node_facts(document, now))
    yield from section("RUNNING", *_running(document, now))
    yield from said_section(document["active_runs"], now)
    yield from section(_elsewhere_title(document), *_elsewhere(document, now))
    yield from section("WAITING", *_waiting(document, now))
    yield from section("LAST RUN NOT A SUCCESS", *_failing(document, now))
    yield from section("PAUSED", *_paused(document, now))
    yield from section("SKIPPED IN 24 HOURS", *_skipped(document))
    yield from section("NEXT", *_upcoming(document, now))


def jobs_table(document: Document) -> str:
    """Return every job in a row, what ails it in front: a terminal cuts the end off. A narrow
    one gets times that say only how far they are."""
    now = datetime.fromisoformat(document["now"])
    heads = ("JOB", "STATE", "OUTCOME", "TOOK", "ENDED", "NEXT", "SCHEDULE")
    jobs = document["jobs"]
    full = [_job_row(job, state_words(job), partial(when, now=now)) for job in jobs]
    brief = [_job_row(job, brief_state(job, now), partial(how_far, now=now)) for job in jobs]
    if not jobs:
        return "no jobs are configured"
    return fitting(heads, full, heads, brief, narrowest=_NARROWEST)


def _job_row(job: Document, state: str, time: Callable[[str | None], str]) -> Row:
    return (
        job["job"],
        state,
        job["last_outcome"] or NOTHING,
        duration(job["last_duration_s"]),
        time(job["last_ended"]),
        time(job["next_due"]),
        job["schedule"] or "manual",
    )


def _node_facts(document: Document, now: datetime) -> list[tuple[str, str]]:
    up = roughly((now - datetime.fromisoformat(document["started_at"])).total_seconds())
    stopping = ", stopping" if document["stopping"] else ""
    ready = "yes" if document["ready"] else f"NO: {document['ready_reason']}"
    return [
        *_drain_facts(document, now),
        *_pressure_facts(document),
        ("node", f"{document['node']}, jobd {document['version']}, pid {document['pid']}"),
        ("up", f"{up}, since {when(document['started_at'], now)}{stopping}"),
        ("ready", ready),
        ("config", _config_words(document, now)),
        ("store", _store_words(document["store"], now)),
        *_cluster_facts(document["shared"], now),
        ("limits by", _enforcement_words(document["enforcement"])),
        ("jobs", f"{document['jobs']}, {document['paused']} paused"),
        ("running", f"{document['running']} of at most {document['max_running']}"),
        ("memory", _memory_words(document)),
        ("pressure", document["pressure_measured"] or "not measured: no /proc/pressure here"),
        ("waiting", f"{document['waiting']} of at most {document['max_waiting']}"),
    ]


def _pressure_facts(document: Document) -> list[tuple[str, str]]:
    pressure = document["pressure"]
    return [("PRESSURE", f"{pressure}; nothing new starts until it eases")] if pressure else []


def _memory_words(document: Document) -> str:
    reserved, budget = document["memory_reserved_bytes"], document["memory_budget_bytes"]
    bound = "" if budget is None else f" of at most {format_size(budget)}"
    return f"{format_size(reserved)} reserved{bound}"


def _drain_facts(document: Document, now: datetime) -> list[tuple[str, str]]:
    return [("DRAINING", drain_words(document, now))] if document["draining"] else []


def _config_words(document: Document, now: datetime) -> str:
    state = document["config"]
    loaded = f"{document['config_path']}, read {when(state['last_reload_at'], now)}"
    return (
        loaded
        if state["last_reload_ok"]
        else f"{loaded}; THE LAST RELOAD WAS REFUSED: jobd check tells why"
    )


def _store_words(store: dict[str, Any], now: datetime) -> str:
    if store["up"] and not store["trouble"]:
        return f"{store['kind']}, up{latency_words(store)}"
    state = "HISTORY IS NOT KEPT" if store["up"] else "DOWN"
    return f"{store['kind']}, {state} since {when(store['since'], now)}: {store['trouble']}"


def _cluster_facts(shared: dict[str, Any] | None, now: datetime) -> Iterator[tuple[str, str]]:
    if shared is None:
        return
    yield "cluster", f"{shared_words(shared, now)}; {shared['kind']}"
    as_of = "" if shared["up"] else f", as of {when(shared['as_of'], now)}"
    yield "nodes", f"{nodes_words(shared)}{as_of}"
    if not shared["up"]:
        yield "meanwhile", MEANWHILE


def _enforcement_words(by: dict[str, Any]) -> str:
    held = ", ".join(f"{what} {by[what]}" for what in ("memory", "cpu", "pids", "io", "tree"))
    return f"{held} ({by['detail']})" if by["detail"] else held


def _running(document: Document, now: datetime) -> Rows:
    rows = [
        (
            run["job"],
            run["run_id"],
            run_state(run),
            when(run["began_at"], now),
            run["trigger"],
            str(run["attempt"]),
        )
        for run in document["active_runs"]
    ]
    return ("JOB", "RUN", "STATE", "SINCE", "BY", "ATTEMPT"), rows


def _elsewhere_title(document: Document) -> str:
    is_known = document["shared"] is None or document["shared"]["up"]
    return f"RUNNING ON OTHER NODES{'' if is_known else ', WHEN LAST KNOWN'}"


def _elsewhere(document: Document, now: datetime) -> Rows:
    rows = [
        (run["job"], run["run_id"], run["node"], when(run["claimed_at"], now), run["trigger"])
        for run in document["active_elsewhere"]
    ]
    return ("JOB", "RUN", "NODE", "SINCE", "BY"), rows


def _waiting(document: Document, now: datetime) -> Rows:
    rows = [
        (
            tick["job"],
            tick["run_id"],
            "retry" if tick.get("is_retry") else when(tick["fire_time"], now),
            when(tick["since"], now),
            tick["held_by"],
        )
        for tick in document["waiting_ticks"]
    ]
    return ("JOB", "RUN", "TICK", "SINCE", "HELD BY"), rows


def _failing(document: Document, now: datetime) -> Rows:
    rows = [
        (
            job["job"],
            job["last_outcome"],
            when(job["last_ended"], now),
            when(job["last_success"], now) if job["last_success"] else "never",
        )
        for job in document["failing"]
    ]
    return ("JOB", "OUTCOME", "ENDED", "LAST SUCCESS"), rows


def _paused(document: Document, now: datetime) -> Rows:
    rows = [
        (
            each["job"],
            each["pause"]["by"],
            when(each["pause"]["since"], now),
            when(each["pause"]["until"], now),
            each["pause"]["reason"] or NOTHING,
        )
        for each in document["paused_jobs"]
    ]
    return ("JOB", "BY", "SINCE", "UNTIL", "WHY"), rows


def _skipped(document: Document) -> Rows:
    counts = document["skipped_24h"]
    if counts is None:
        return ("JOB", "REASON", "TICKS"), [(NOTHING, "the store does not answer", NOTHING)]
    rows = [
        (job, reason, str(count))
        for job, reasons in sorted(counts.items())
        for reason, count in sorted(reasons.items())
    ]
    return ("JOB", "REASON", "TICKS"), rows


def _upcoming(document: Document, now: datetime) -> Rows:
    rows = [(job["job"], when(job["next_due"], now)) for job in document["upcoming"]]
    return ("JOB", "DUE"), rows
