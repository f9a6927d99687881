"""Schedule: when a job is wanted. Tick: one such instant. Due time: the tick with jitter.

All instants are aware datetimes in UTC. Three kinds of schedule::

    CronSchedule.parse("30 2 * * *", job="backup", timezone="Europe/Berlin")
    EverySchedule.of(timedelta(minutes=15), job="poll")   # fixed rate, phase by job name
    AfterSchedule.of(timedelta(minutes=10))               # that long after the last run

``after`` differs: its ticks hang on the ends of runs. At most one is owed at any time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

from jobd.core.cron import CronTimes, cron_times
from jobd.core.cron_fields import quoted, words_of
from jobd.core.zone import DAY_S, EPOCH, Zone
from jobd.errors import ScheduleError

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
GAPS = ("shift", "skip")
FOLDS = ("first", "both")


class Schedule(Protocol):
    """When a job is wanted."""

    @property
    def text(self) -> str:
        """The schedule as configured, for people."""

    @property
    def identity(self) -> str:
        """Which instants these are: changes if and only if the ticks would."""

    def next_after(self, instant: datetime, last_ended: datetime | None = None) -> datetime | None:
        """Return the first fire time after ``instant``; None if none comes.

        ``last_ended`` counts for :class:`AfterSchedule` only; see there.
        """

    def latest(self, instant: datetime) -> datetime | None:
        """Return the last fire time at or before ``instant``; None if there was none."""

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many fire times lie in (after, until]; cheap for years."""

    def interval(self, near: datetime) -> timedelta:
        """Return the smallest distance between the few fire times that come."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One fire time of one job: the identity of what is to be decided."""

    job: str
    fire_time: datetime


@dataclass(frozen=True, slots=True, eq=False)
class CronSchedule:
    """A cron expression in a time zone. Small: what equal expressions share is shared."""

    text: str
    _times: CronTimes

    @classmethod
    def parse(
        cls, text: str, *, job: str, timezone: str, gap: str = "shift", fold: str = "first"
    ) -> "CronSchedule":
        """Return the schedule; ``ScheduleError`` says what is wrong and what to write."""
        if gap not in GAPS or fold not in FOLDS:
            raise ScheduleError(
                f'dst = {{ gap = "{gap}", fold = "{fold}" }} is not known;'
                ' write gap = "shift" or "skip", fold = "first" or "both"'
            )
        zone = Zone.of(timezone)
        try:
            return cls(text, cron_times(words_of(text, job), zone, gap, fold))
        except ScheduleError as error:
            raise ScheduleError(f"{quoted(text)}: {error}") from None

    @property
    def identity(self) -> str:
        """See :class:`Schedule`; the same for two spellings of the same fire times."""
        return self._times.identity

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CronSchedule):
            return NotImplemented
        is_same = self._times is other._times or self.identity == other.identity
        return is_same and self.text == other.text

    def __hash__(self) -> int:
        return hash((self.text, self._times.zone.key))

    def next_after(self, instant: datetime, last_ended: datetime | None = None) -> datetime | None:
        """See :class:`Schedule`; None too if the next 50 years have no fire time."""
        return _next_instant(self._times, instant)

    def latest(self, instant: datetime) -> datetime | None:
        """See :class:`Schedule`; looks back 50 years."""
        return _instant(self._times.latest(_floor_s(instant)))

    def count(self, after: datetime, until: datetime) -> int:
        """See :class:`Schedule`."""
        return self._times.count(_floor_s(after) + 1, _floor_s(until) + 1)

    def interval(self, near: datetime) -> timedelta:
        """See :class:`Schedule`; by the wall clock, so that a day is one in every season."""
        return self._times.interval(_floor_s(near))

    def note(self, fire_time: datetime) -> str:
        """Say what a change of the clock did to this fire time; "" if nothing."""
        return self._times.note(_floor_s(fire_time))


@dataclass(frozen=True, slots=True)
class EverySchedule:
    """A fixed rate: fire times are ``phase + k * every`` since 1970, both in microseconds."""

    every_us: int
    phase_us: int

    @classmethod
    def of(cls, every: timedelta, *, job: str) -> "EverySchedule":
        """Return the schedule; its phase, whole seconds, is hashed from the job's name.

        Jobs with the same rate are thereby spread over it, and each keeps its place
        through restarts and on every node.
        """
        _require_a_second("every", every)
        seconds = every // SECOND
        phase_s = _hash_64(f"phase of {job}") * seconds >> 64
        return cls(every // MICROSECOND, phase_s * 1_000_000)

    @property
    def text(self) -> str:
        """See :class:`Schedule`."""
        return f"every {_spelled(timedelta(microseconds=self.every_us))}"

    @property
    def identity(self) -> str:
        """See :class:`Schedule`."""
        return f"every {self.every_us}us from {self.phase_us}us"

    def next_after(self, instant: datetime, last_ended: datetime | None = None) -> datetime | None:
        """See :class:`Schedule`; None past the year 9999."""
        return self._at(self._number(instant) + 1)

    def latest(self, instant: datetime) -> datetime | None:
        """See :class:`Schedule`."""
        return self._at(self._number(instant))

    def count(self, after: datetime, until: datetime) -> int:
        """See :class:`Schedule`."""
        return max(0, self._number(until) - self._number(after))

    def interval(self, near: datetime) -> timedelta:
        """See :class:`Schedule`."""
        return timedelta(microseconds=self.every_us)

    def _number(self, instant: datetime) -> int:
        """Return which fire time is the last at or before ``instant``."""
        return ((instant - EPOCH) // MICROSECOND - self.phase_us) // self.every_us

    def _at(self, number: int) -> datetime | None:
        try:
            return EPOCH + timedelta(microseconds=self.phase_us + number * self.every_us)
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class AfterSchedule:
    """That long after the last run ended.

    ``next_after`` needs to be told when that was. With no run ever it is due at once, so a
    caller whose very first tick was skipped passes that tick as ``last_ended``.
    """

    delay: timedelta

    @classmethod
    def of(cls, delay: timedelta) -> "AfterSchedule":
        """Return the schedule; the delay is a second at least."""
        _require_a_second("after", delay)
        return cls(delay)

    @property
    def text(self) -> str:
        """See :class:`Schedule`."""
        return f"after {_spelled(self.delay)}"

    @property
    def identity(self) -> str:
        """See :class:`Schedule`."""
        return f"after {self.delay // MICROSECOND}us"

    def next_after(self, instant: datetime, last_ended: datetime | None = None) -> datetime | None:
        """Return ``last_ended`` plus the delay, or ``instant`` itself if nothing ever ran.

        A fire time that is not after ``instant`` was decided without a run, or belongs to
        a schedule that is newer than the run: then the delay counts from ``instant``.
        """
        if last_ended is None:
            return instant
        try:
            due = last_ended + self.delay
            return due if due > instant else instant + self.delay
        except OverflowError:
            return None

    def latest(self, instant: datetime) -> datetime | None:
        """Return None: without the end of a run there is no fire time to name."""
        return None

    def count(self, after: datetime, until: datetime) -> int:
        """Return 1, or 0 for an empty span: however long it is, one tick is owed at most."""
        return 1 if after < until else 0

    def interval(self, near: datetime) -> timedelta:
        """Return the delay: no two ticks come closer."""
        return self.delay


def upcoming(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the fire times after ``after``, lazily. Of an AfterSchedule only that of now:
    the others wait for runs."""
    fire_time = schedule.next_after(after)
    while fire_time is not None:
        yield fire_time
        previous, fire_time = fire_time, schedule.next_after(fire_time)
        if fire_time is not None and fire_time <= previous:
            return


def due_time(
    tick: Tick, jitter: timedelta, mode: str = "random", following: datetime | None = None
) -> datetime:
    """Return the tick's fire time plus a delay in [0, jitter), before the following one.

    The delay is a hash, not a random draw: every node computes the same due time, and a
    replayed simulation computes it again. ``mode`` is a JitterMode: "random" hashes job
    and fire time, "fixed" the job alone. Where ``following``, the next fire time, is
    nearer than ``jitter`` the delay is spread over the time until then instead. (One that
    is not later bounds nothing: an AfterSchedule knows none before the run has ended.)
    """
    if following is not None and following > tick.fire_time:
        jitter = min(jitter, following - tick.fire_time)
    if not jitter:
        return tick.fire_time
    identity = tick.job if mode == "fixed" else f"{tick.job}@{tick.fire_time.timestamp():.0f}"
    # Integer arithmetic: a float fraction can round up to exactly 1.
    delay_us = _hash_64(identity) * (jitter // MICROSECOND) >> 64
    return tick.fire_time + delay_us * MICROSECOND


def _hash_64(identity: str) -> int:
    digest = blake2b(identity.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest)


@lru_cache(maxsize=64)
def _next_instant(times: CronTimes, instant: datetime) -> datetime | None:
    """Return the fire time after ``instant``; kept, as jobs with the same times ask together."""
    return _instant(times.next(_floor_s(instant) + 1))


def _floor_s(instant: datetime) -> int:
    since = instant - EPOCH
    return since.days * DAY_S + since.seconds


def _instant(second: int | None) -> datetime | None:
    return None if second is None else EPOCH + timedelta(seconds=second)


def _require_a_second(key: str, duration: timedelta) -> None:
    if duration < SECOND:
        raise ScheduleError(
            f'{key} = "{duration.total_seconds():g}s" is too short; write "1s" or more'
        )


def _spelled(duration: timedelta) -> str:
    """Return ``1h30m``."""
    rest, parts = duration // MICROSECOND, ""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        number, rest = divmod(rest, size * 1_000_000)
        parts += f"{number}{unit}" if number else ""
    return parts + (f"{rest / 1_000_000:g}s" if rest else "")
