"""Drift: where two nodes' configurations differ, job by job, without showing what they hold.

Only jobs that the nodes share count, and of them everything but where they were read. A
digest is keyed by its job's name; it is compared, never reversed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from jobd.core.job import Job, Provenance, Scope
from jobd.core.schedule import AfterSchedule, CronSchedule, EverySchedule

DIGEST_BYTES = 8


def digests_of(jobs: Iterable[Job]) -> dict[str, str]:
    """Return name → digest of every job that nodes share."""
    return {job.name: _digest(_spelled(job)) for job in jobs if job.scope is Scope.CLUSTER}


def summed(digests: Mapping[str, str]) -> str:
    """Return the one digest of them all, which a node tells with every beat."""
    return _digest(repr(sorted(digests.items())))


def differing(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Return the jobs whose digests differ, by name; one that only one side has differs."""
    return sorted(
        name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
    )


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()


def _spelled(value: Any) -> str:
    """Return a value's text, the same in every process: a set's own order is not."""
    if isinstance(value, Provenance):
        return ""
    if isinstance(value, CronSchedule | EverySchedule | AfterSchedule):
        return repr((value.text, value.identity))
    if is_dataclass(value):
        parts = (f"{part.name}={_spelled(getattr(value, part.name))}" for part in fields(value))
        return f"{type(value).__name__}({' '.join(parts)})"
    if isinstance(value, frozenset):
        return repr(sorted(map(_spelled, value)))
    if isinstance(value, tuple):
        return repr([_spelled(part) for part in value])
    return f"{value / timedelta(microseconds=1)}" if isinstance(value, timedelta) else repr(value)
