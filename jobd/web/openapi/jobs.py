"""Schemas of jobs, of how much they use of their ceilings, and of who did what to them."""

from jobd.core.ceilings import CeilingKind
from jobd.core.forecast import Confidence, Prospect
from jobd.core.job import Scope
from jobd.core.view import JobState
from jobd.web.attention import Concern
from jobd.web.jobs import Order
from jobd.web.openapi.pieces import (
    COUNT,
    FLAG,
    INSTANT,
    NUMBER,
    TEXT,
    Schema,
    maybe,
    one_of,
    record,
    ref,
    rows,
    said,
    table,
)
from jobd.web.remarks import Level

_JOB: dict[str, Schema] = {
    "job": TEXT,
    "state": one_of(JobState),
    "schedule": maybe(TEXT, "null: it runs only when triggered"),
    "timezone": TEXT,
    "enabled": FLAG,
    "scope": one_of(Scope),
    "nodes": rows(TEXT),
    "pool": maybe(TEXT),
    "description": TEXT,
    "owner": TEXT,
    "runbook": TEXT,
    "tags": rows(TEXT),
    "next_fire": maybe(INSTANT),
    "next_due": maybe(INSTANT, "with its jitter"),
    "interval_s": maybe(NUMBER),
    "last_started": maybe(INSTANT),
    "last_ended": maybe(INSTANT),
    "last_outcome": maybe(TEXT),
    "last_success": maybe(INSTANT),
    "last_duration_s": maybe(NUMBER),
    "smoothed_duration_s": maybe(NUMBER, "of the last attempts of successful runs"),
    "smoothed_lasted_s": maybe(NUMBER, "of successful runs with all their attempts"),
    "memory_peak_bytes": maybe(COUNT),
    "utilization": maybe(NUMBER, "smoothed_lasted_s over interval_s"),
    "rest_until": maybe(INSTANT),
    "pause": maybe(ref("Pause")),
    "skip_next": maybe(ref("Pause")),
    "active": rows(ref("ActiveRun")),
    "elsewhere": rows(ref("ActiveRun")),
    "waiting": rows(ref("Waiting")),
    "attention": rows(ref("Worry"), "why somebody should look at it, the most urgent first"),
}
_CONTROL = "null to those who may not control the daemon"


def _measured(unit: str, of: Schema) -> Schema:
    return record(
        f"What runs take of it, in {unit}.",
        **{f"lately_{unit}": of, f"high_{unit}": of},
        runs=COUNT,
        oldest=INSTANT,
        newest=INSTANT,
        course=one_of(Prospect),
        foresight_s=NUMBER,
    )


def _ceiling(unit: str, of: Schema) -> Schema:
    return record(
        f"A limit, in {unit}, and how runs are beside it.",
        **{f"limit_{unit}": of},
        use_lately=maybe(NUMBER),
        use_high=maybe(NUMBER),
        hits=COUNT,
        recent_runs=COUNT,
        needs_a_look=FLAG,
        prospect=one_of(Prospect),
        confidence=maybe(one_of(Confidence)),
        reached_at=maybe(INSTANT),
        reached_earliest=maybe(INSTANT),
        reached_latest=maybe(INSTANT),
    )


SCHEMAS: dict[str, Schema] = {
    "Job": record("A job and where it stands.", **_JOB),
    "Jobs": record(
        "The jobs that were asked for.",
        now=INSTANT,
        order=one_of(Order),
        total=said(COUNT, "how many there are"),
        jobs=rows(ref("Job")),
    ),
    "Names": record(
        "The names of jobs, for who completes what somebody types.",
        now=INSTANT,
        jobs=rows(record("A job's name.", job=TEXT, schedule=_JOB["schedule"])),
    ),
    "Worry": record(
        "Why somebody should look at a job.",
        concern=one_of(Concern),
        level=one_of(Level),
        words=TEXT,
    ),
    "OneJob": record(
        "All that is known of a job.",
        now=INSTANT,
        **_JOB,
        settings=table(ref("Setting")),
        enforcement_detail=TEXT,
        defined_in=said(TEXT, "file and line"),
        command=maybe(rows(TEXT), _CONTROL),
        audit=maybe(rows(ref("AuditEntry")), f"{_CONTROL}, or while the store is silent"),
        differs_on=rows(TEXT, "nodes on which the job is defined otherwise"),
        skipped_24h=maybe(ref("SkipCounts"), "null: the store is silent"),
    ),
    "Pause": record(
        "Who wants ticks to be skipped.",
        by=TEXT,
        since=INSTANT,
        reason=TEXT,
        until=maybe(INSTANT),
    ),
    "AuditEntry": record(
        "Who did what.", at=INSTANT, by=TEXT, action=TEXT, target=TEXT, detail=TEXT
    ),
    "Audit": record("Who did what, newest first.", now=INSTANT, audit=rows(ref("AuditEntry"))),
    "Report": record(
        "Jobs by how near they are to their ceilings.", now=INSTANT, jobs=rows(ref("Usage"))
    ),
    "Usage": record(
        "What a job uses of its interval and its ceilings.",
        job=TEXT,
        runs=COUNT,
        duration=maybe(ref("DurationMeasured")),
        memory_peak=maybe(ref("MemoryMeasured")),
        **{
            kind.value: maybe(ref("MemoryCeiling" if kind is CeilingKind.MEMORY else "TimeCeiling"))
            for kind in CeilingKind
        },
        grown_step=maybe(ref("GrownStep")),
        skipped_overlap_7d=COUNT,
    ),
    "GrownStep": record("The step that has grown most.", step=TEXT, by_s=NUMBER, share=NUMBER),
    "DurationMeasured": _measured("s", NUMBER),
    "MemoryMeasured": _measured("bytes", COUNT),
    "TimeCeiling": _ceiling("s", NUMBER),
    "MemoryCeiling": _ceiling("bytes", COUNT),
}
