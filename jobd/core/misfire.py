"""Misfire: which ticks, found late, still count.

Given the cursor (every fire time up to it has been looked at) and now, :func:`plan` sorts
the *pending* ticks, those whose due time has come, into at most three heaps::

    cursor -+-- skipped ---+-- catchup ---+- current -+- not due yet -> now
            | too old, or  | late, runs   | ordinary  | the newest one's
            | not wanted   | all the same | tick      | jitter is not over

The newest pending tick is on time while ``now - due <= on_time_within``, whatever
``catchup`` says. All others are late: a later tick has come since. Of the late ones

- ``none`` skips all,
- ``latest`` runs the newest pending tick, when it is late, and skips all before it,
- ``all`` runs each, oldest first,

and none of them runs that is older than ``window``, counted from its due time. A heap is a
first tick, a last tick and a count, never a list: ten thousand missed ticks cost as much
as one. Hourly ticks, a stop from 00:30 until now, a window of two hours, five minutes
``on_time_within``::

    now     catchup   skipped          catchup          current
    04:01   none      01:00 to 03:00   -                04:00
            latest    01:00 to 03:00   -                04:00
            all       01:00 to 02:00   03:00            04:00
    04:40   none      01:00 to 04:00   -                -
            latest    01:00 to 03:00   04:00            -
            all       01:00 to 02:00   03:00 to 04:00   -
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobd.core.frequent import frequent
from jobd.core.job import Catchup
from jobd.core.ledger import TickRange
from jobd.core.schedule import MICROSECOND, Schedule

NO_TIME = timedelta(0)

DueOf = Callable[[datetime], datetime]


@frequent
@dataclass(frozen=True, slots=True)
class MisfirePlan:
    """What becomes of the pending ticks. Those of ``catchup`` run before ``current``.

    Everything up to ``cursor`` is thereby looked at. A tick whose jitter is not over lies
    after it and is found again.
    """

    cursor: datetime
    current: datetime | None = None
    catchup: TickRange | None = None
    skipped: TickRange | None = None

    def runs(self, schedule: Schedule) -> Iterator[tuple[datetime, bool]]:
        """Yield (fire time, whether it is a catch-up) of all that run, oldest first, lazily."""
        if self.catchup is not None:
            yield from ((fire_time, True) for fire_time in fire_times(schedule, self.catchup))
        if self.current is not None:
            yield self.current, False


@dataclass(frozen=True, slots=True)
class _Question:
    """What plan() was asked, for its parts."""

    job: str
    schedule: Schedule
    now: datetime
    due_of: DueOf
    catchup: Catchup
    window: timedelta
    on_time_within: timedelta

    def is_on_time(self, fire_time: datetime) -> bool:
        return self.now - self.due_of(fire_time) <= self.on_time_within

    def is_within_window(self, fire_time: datetime) -> bool:
        return self.now - self.due_of(fire_time) <= self.window

    def span(self, after: datetime, last: datetime | None) -> TickRange | None:
        """Return the ticks in (after, last], or None when there are none."""
        if last is None or last <= after:
            return None
        first = self.schedule.next_after(after)
        if first is None or first > last:
            return None
        if first == last:
            return TickRange(self.job, first, last, 1)
        return TickRange(self.job, first, last, self.schedule.count(after, last))


def plan(
    schedule: Schedule,
    *,
    job: str,
    after: datetime,
    now: datetime,
    due_of: DueOf,
    catchup: Catchup,
    window: timedelta,
    on_time_within: timedelta,
    last_ended: datetime | None = None,
) -> MisfirePlan:
    """Return what becomes of the fire times in (after, now] whose due time has come.

    ``due_of`` adds the jitter; it may never reach the next fire time, so only the newest
    tick can be undue. ``last_ended`` is what an AfterSchedule wants to know.
    """
    first = schedule.next_after(after, last_ended)
    if first is None or first > now:
        return MisfirePlan(after)
    is_only_one = only_one(schedule, after, now, last_ended) is not None
    if is_only_one and NO_TIME <= now - due_of(first) <= on_time_within:
        return MisfirePlan(first, current=first)  # by far the most frequent case
    question = _Question(job, schedule, now, due_of, catchup, window, on_time_within)
    return (_plan_one if is_only_one else _plan_many)(question, after, first)


def only_one(
    schedule: Schedule, after: datetime, now: datetime, last_ended: datetime | None
) -> datetime | None:
    """Return the fire time in (after, now]; None if there is none, or more than one."""
    first = schedule.next_after(after, last_ended)
    if first is None or first > now:
        return None
    # Told that a run ended just now, an AfterSchedule too says whether more is owed.
    second = schedule.next_after(first, now)
    return first if second is None or second > now else None


def fire_times(schedule: Schedule, ticks: TickRange) -> Iterator[datetime]:
    """Yield the fire times of a range, oldest first, lazily."""
    fire_time: datetime | None = ticks.first
    while fire_time is not None and fire_time < ticks.last:
        yield fire_time
        fire_time = schedule.next_after(fire_time)
    yield ticks.last


def _plan_one(question: _Question, after: datetime, fire_time: datetime) -> MisfirePlan:
    """Decide the only fire time since the cursor, which is not on time."""
    late = question.now - question.due_of(fire_time)
    if late < NO_TIME:
        return MisfirePlan(after)
    ticks = TickRange(question.job, fire_time, fire_time, 1)
    if question.catchup is not Catchup.NONE and late <= question.window:
        return MisfirePlan(fire_time, catchup=ticks)
    # The cursor goes to now: an AfterSchedule counts on from there, not tick by tick
    # through the time that was missed.
    return MisfirePlan(question.now, skipped=ticks)


def _plan_many(question: _Question, after: datetime, first: datetime) -> MisfirePlan:
    newest = question.schedule.latest(question.now)
    if newest is not None and question.due_of(newest) > question.now:
        newest = question.schedule.latest(newest - MICROSECOND)
    assert newest is not None, "latest() knows no tick where next_after() does"
    assert newest >= first, "latest() lies before next_after()"
    is_on_time = question.is_on_time(newest)
    last_late = question.schedule.latest(newest - MICROSECOND) if is_on_time else newest
    last_skipped = _last_skipped(question, after, newest, last_late)
    return MisfirePlan(
        newest,
        current=newest if is_on_time else None,
        catchup=question.span(max(after, last_skipped or after), last_late),
        skipped=question.span(after, last_skipped),
    )


def _last_skipped(
    question: _Question, after: datetime, newest: datetime, last_late: datetime | None
) -> datetime | None:
    """Return the last late tick that does not run; those before it do not either."""
    latest = question.schedule.latest
    if question.catchup is Catchup.NONE or last_late is None:
        return last_late
    if question.catchup is Catchup.LATEST:
        if last_late < newest or not question.is_within_window(newest):
            return last_late
        return latest(newest - MICROSECOND)
    if question.window >= question.now - after:  # the subtraction below could leave the calendar
        return None
    # Due times follow their fire times in order, each before the next fire time: of those
    # that fired before the window began only the last may be due within it.
    edge = latest(min(question.now - question.window - MICROSECOND, last_late))
    if edge is not None and question.is_within_window(edge):
        edge = latest(edge - MICROSECOND)
    return edge
