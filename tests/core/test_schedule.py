"""Schedules of all three kinds keep the contract of ``Schedule``."""

import sys
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.schedule import (
    AfterSchedule,
    CronSchedule,
    EverySchedule,
    Schedule,
    upcoming,
)
from jobd.errors import ScheduleError

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RATES = st.timedeltas(timedelta(seconds=1), timedelta(days=400))
INSTANTS = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2080, 1, 1),  # noqa: DTZ001 - likewise
    timezones=st.just(UTC),
)


def cron(text: str, job: str = "job", zone: str = "UTC", **dst: str) -> CronSchedule:
    return CronSchedule.parse(text, job=job, timezone=zone, **dst)


def every(job: str = "job", **duration: float) -> EverySchedule:
    return EverySchedule.of(timedelta(**duration), job=job)


class TestEvery:
    @given(RATES, INSTANTS, st.text(max_size=8))
    def test_next_and_latest_are_neighbours(
        self, rate: timedelta, instant: datetime, job: str
    ) -> None:
        schedule = EverySchedule.of(rate, job=job)
        latest, following = schedule.latest(instant), schedule.next_after(instant)
        assert latest is not None
        assert following is not None
        assert latest <= instant < following
        assert following - latest == rate

    @given(RATES, INSTANTS, st.integers(0, 50))
    def test_the_count_is_that_of_a_walk(
        self, rate: timedelta, after: datetime, steps: int
    ) -> None:
        schedule = EverySchedule.of(rate, job="job")
        last = [after, *islice(upcoming(schedule, after), steps)][-1]
        assert schedule.count(after, last) == steps
        assert schedule.count(last, after) == 0

    def test_jobs_with_the_same_rate_are_spread(self) -> None:
        phases = {every(f"job-{n}", hours=1).phase_us for n in range(1000)}
        assert len(phases) > 800
        assert max(phases) < 3600 * 1_000_000

    def test_fire_times_are_whole_seconds(self) -> None:
        assert all(at.microsecond == 0 for at in islice(upcoming(every(minutes=7), NOON), 20))

    def test_it_is_said_as_configured(self) -> None:
        assert every(minutes=90).text == "every 1h30m"
        assert every(seconds=90.5).text == "every 1m30.5s"

    @pytest.mark.parametrize("seconds", [0.999, 0, -5])
    def test_less_than_a_second_is_refused(self, seconds: float) -> None:
        with pytest.raises(ScheduleError, match='is too short; write "1s" or more'):
            every(seconds=seconds)

    def test_a_rate_beyond_the_calendar_never_comes(self) -> None:
        schedule = every(days=5_000_000)
        assert schedule.next_after(schedule.latest(NOON) or NOON) is None


class TestAfter:
    SCHEDULE = AfterSchedule.of(timedelta(minutes=10))

    def test_a_job_that_never_ran_is_due_at_once(self) -> None:
        assert self.SCHEDULE.next_after(NOON) == NOON

    def test_it_counts_from_the_end_of_the_last_run(self) -> None:
        ended = NOON - timedelta(minutes=3)
        assert self.SCHEDULE.next_after(NOON, ended) == NOON + timedelta(minutes=7)

    def test_an_overdue_tick_is_found_from_before_it(self) -> None:
        """After a stop the cursor still lies before the tick, which then is late, not lost."""
        ended = NOON - timedelta(hours=1)
        assert self.SCHEDULE.next_after(ended, ended) == NOON - timedelta(minutes=50)

    def test_after_a_tick_without_a_run_it_counts_from_that(self) -> None:
        ended = NOON - timedelta(minutes=10)
        assert self.SCHEDULE.next_after(NOON, ended) == NOON + timedelta(minutes=10)

    def test_one_tick_is_owed_at_most(self) -> None:
        assert self.SCHEDULE.count(NOON, NOON + timedelta(days=9)) == 1
        assert self.SCHEDULE.count(NOON, NOON) == 0
        assert self.SCHEDULE.latest(NOON) is None
        assert list(upcoming(self.SCHEDULE, NOON)) == [NOON]

    def test_the_interval_is_the_delay(self) -> None:
        assert self.SCHEDULE.interval(NOON) == timedelta(minutes=10)

    def test_less_than_a_second_is_refused(self) -> None:
        with pytest.raises(ScheduleError, match=r'after = "0\.5s" is too short'):
            AfterSchedule.of(timedelta(seconds=0.5))


class TestIdentity:
    """A changed identity starts a job's ticks anew, so it must change with them, and only so."""

    @pytest.mark.parametrize(
        "text", ["0 0 * * *", "@midnight", " 0  0 * * * ", "0 0 0 * * *", "00 00 1-31 * *"]
    )
    def test_another_spelling_of_the_same_ticks_is_the_same(self, text: str) -> None:
        assert cron(text).identity == cron("@daily").identity

    @pytest.mark.parametrize(
        "other",
        [
            cron("1 0 * * *"),
            cron("0 0 * * *", zone="Europe/Berlin"),
            cron("0 0 * * *", gap="skip"),
            cron("0 0 * * *", fold="both"),
            every(days=1),
            AfterSchedule.of(timedelta(days=1)),
        ],
    )
    def test_other_ticks_are_another(self, other: Schedule) -> None:
        assert other.identity != cron("0 0 * * *").identity

    def test_dst_rules_do_not_matter_to_a_wildcard_job(self) -> None:
        assert cron("*/5 * * * *", gap="skip").identity == cron("*/5 * * * *").identity

    def test_or_is_not_and(self) -> None:
        assert cron("0 0 */2 * 1").identity != cron("0 0 1-31/2 * 1").identity

    def test_the_job_matters_where_it_is_hashed(self) -> None:
        assert cron("H H * * *", "one").identity != cron("H H * * *", "other").identity
        assert every("one", hours=1).identity != every("other", hours=1).identity
        assert cron("@daily", "one").identity == cron("@daily", "other").identity

    def test_equal_schedules_compare_equal(self) -> None:
        assert cron("H 2 * * *") == cron("H 2 * * *")
        assert hash(cron("@daily")) == hash(cron("@daily"))
        assert cron("@daily") != cron("0 0 * * *")  # people read another text
        assert cron("@daily") != "@daily"


class TestCron:
    def test_an_instant_between_seconds_is_followed_by_the_next_whole_one(self) -> None:
        almost = NOON - timedelta(microseconds=1)
        assert cron("* * * * * *").next_after(almost) == NOON
        assert cron("* * * * * *").latest(almost) == NOON - timedelta(seconds=1)

    def test_a_fire_time_is_not_after_itself(self) -> None:
        assert cron("0 * * * *").next_after(NOON) == NOON + timedelta(hours=1)
        assert cron("0 * * * *").latest(NOON) == NOON

    def test_an_error_quotes_the_expression(self) -> None:
        with pytest.raises(ScheduleError, match=r'^"61 \* \* \* \*": 61 is no minute'):
            cron("61 * * * *")

    def test_an_error_stays_on_one_line_and_short(self) -> None:
        with pytest.raises(ScheduleError) as caught:
            cron("\n\x1b[31m" * 400)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500

    def test_an_unknown_zone_is_refused(self) -> None:
        with pytest.raises(ScheduleError, match='write "Europe/Berlin"'):
            cron("@daily", zone="Europe/Berln")

    @pytest.mark.parametrize("dst", [{"gap": "first"}, {"fold": "shift"}])
    def test_an_unknown_dst_rule_is_refused(self, dst: dict[str, str]) -> None:
        with pytest.raises(ScheduleError, match='write gap = "shift" or "skip"'):
            cron("@daily", **dst)

    def test_jobs_with_the_same_expression_share_it(self) -> None:
        """Ten thousand jobs must fit: one of them is its text and one reference."""
        one, other = cron("*/5 * * * *", "one"), cron("*/5 * * * *", "other")
        assert one._times is other._times
        assert sys.getsizeof(one) < 100

    def test_upcoming_ascends(self) -> None:
        found = list(islice(upcoming(cron("*/7 * * * *"), NOON), 100))
        assert all(earlier < later for earlier, later in pairwise([NOON, *found]))
