"""Expectation: how long the runs of a job take and how much memory, and who says so.

History says it best. Else the configuration does, by ``expected_duration``. Else a default is
assumed, and told as one. What a run reserves of the memory budget is decided by the
scheduler itself, from ``memory_max``, history or ``expected_memory``, as in production.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from jobd.core.forecast import expected_peak
from jobd.core.job import Job
from jobd.core.outcome import Outcome
from jobd.core.run import RunRecord

# A guess for jobs of which nothing is known: long enough for a herd to be seen as one, and
# never so long that the guess alone makes ticks overlap.
ASSUMED_DURATION = timedelta(seconds=10)
# Runs that were stopped from outside, or never began, do not say how long the job takes.
_TELLING = frozenset({Outcome.SUCCESS, Outcome.FAILURE, Outcome.TIMEOUT, Outcome.OOM})


class Source(StrEnum):
    """Who says what a run takes."""

    HISTORY = "history"
    DURATION = "expected_duration"
    MEMORY = "expected_memory"
    CEILING = "memory_max"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run took."""

    duration: timedelta
    memory_peak_bytes: int | None = None  # None: nobody measured it


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the runs of a job may take: each is one of ``samples``."""

    job: str
    samples: tuple[Sample, ...]
    duration_source: Source
    memory_source: Source
    expected_memory_bytes: int | None = None  # learnt from history, as the store keeps it

    def sample(self, tick: datetime | None, attempt: int) -> Sample:
        """Return what a run takes. A hash, not a draw: the same tick takes the same each time
        that it is simulated, with jitter and without."""
        if len(self.samples) == 1:
            return self.samples[0]
        instant = "" if tick is None else f"{tick.timestamp():.0f}"
        identity = f"duration of {self.job}@{instant}#{attempt}"
        digest = blake2b(identity.encode(errors="surrogatepass"), digest_size=8).digest()
        return self.samples[int.from_bytes(digest) * len(self.samples) >> 64]


def expectation(job: Job, past: Iterable[RunRecord], near: datetime) -> Expectation:
    """Return what to expect of a job's runs. ``past``: kept runs, newest first; it may be empty."""
    telling = [record for record in past if record.outcome in _TELLING]
    samples = tuple(_samples(telling))
    peaks = [one.memory_peak_bytes for one in reversed(samples) if one.memory_peak_bytes]
    memory_source = _memory_source(job, has_peaks=bool(peaks))
    if samples:
        envelope = _envelope(peaks)
        return Expectation(job.name, samples, Source.HISTORY, memory_source, envelope)
    if job.expected_duration is not None:
        stated = (Sample(job.expected_duration),)
        return Expectation(job.name, stated, Source.DURATION, memory_source)
    assumed = (Sample(assumed_duration(job, near)),)
    return Expectation(job.name, assumed, Source.ASSUMED, memory_source)


def assumed_duration(job: Job, near: datetime) -> timedelta:
    """Return how long runs take of which nothing is known."""
    bounds = [ASSUMED_DURATION]
    if job.schedule is not None:
        bounds.append(job.schedule.interval(near) / 2)
    if job.timeout is not None:
        bounds.append(job.timeout)
    return min(bounds)


def _samples(records: Iterable[RunRecord]) -> Iterable[Sample]:
    for record in records:
        if record.duration_s is not None:
            duration = timedelta(seconds=max(record.duration_s, 0.0))
            yield Sample(duration, record.memory_peak_bytes)


def _envelope(peaks: Sequence[int]) -> int | None:
    """Return what the store would have learnt from these peaks, oldest first."""
    learnt: int | None = None
    for peak in peaks:
        learnt = expected_peak(learnt, peak)
    return learnt


def _memory_source(job: Job, *, has_peaks: bool) -> Source:
    """Return what the scheduler reserves by; see :func:`jobd.core.admission.reservation`."""
    if job.limits.memory_max_bytes is not None:
        return Source.CEILING
    if has_peaks:
        return Source.HISTORY
    return Source.ASSUMED if job.expected_memory_bytes is None else Source.MEMORY
