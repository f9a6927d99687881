"""What a cron expression may say, what it means, and how a wrong one is refused."""

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobd.core.cron_fields import MACROS, CronFields, read, words_of
from jobd.errors import ScheduleError


def fields(text: str, job: str = "job") -> CronFields:
    return read(words_of(text, job))


def minutes(text: str, job: str = "job") -> tuple[int, ...]:
    return fields(f"{text} * * * *", job).wallclock.times.minutes.ordered


def weekdays(text: str) -> list[int]:
    return sorted(fields(f"0 0 * * {text}").wallclock.days.weekdays)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", (5,)),
        ("1,3,5", (1, 3, 5)),
        ("1-4", (1, 2, 3, 4)),
        ("5-5", (5,)),  # croniter alone: every minute
        ("*/20", (0, 20, 40)),
        ("10-30/10", (10, 20, 30)),
        ("50/4", (50, 54, 58)),
        ("59/15", (59,)),
        ("*/90", (0,)),
        ("05", (5,)),
        ("58-59,0", (0, 58, 59)),
    ],
)
def test_items_mean_what_they_mean_to_cron(text: str, expected: tuple[int, ...]) -> None:
    assert minutes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", [0]),
        ("0,7", [0]),
        ("5-7", [0, 5, 6]),
        ("fri-sun", [0, 5, 6]),
        ("Mon,WED", [1, 3]),
        ("mon-fri/2", [1, 3, 5]),
        ("1/2", [0, 1, 3, 5]),  # to 7, which is Sunday; croniter alone ends at 6
        ("*/2", [0, 2, 4, 6]),
        ("*/7", [0]),
    ],
)
def test_sunday_is_0_and_7(text: str, expected: list[int]) -> None:
    assert weekdays(text) == expected


def test_the_seconds_field_comes_first() -> None:
    times = fields("30 15 2 * * *").wallclock.times
    assert (times.seconds.ordered, times.minutes.ordered, times.hours.ordered) == (
        (30,),
        (15,),
        (2,),
    )


@pytest.mark.parametrize("text", ["5L", "friL", "L5", "FRIl"])
def test_the_last_weekday_has_several_spellings(text: str) -> None:
    assert fields(f"0 0 * * {text}").wallclock.days.nth_weekdays == {(5, 0)}


def test_whitespace_and_case_do_not_matter() -> None:
    assert words_of("  */5\t0 \u00a0* JAN  mon\n", "job") == words_of("*/5 0 * jan MON", "job")


@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_is_the_expression_that_it_stands_for(macro: str) -> None:
    assert words_of(f" {macro.upper()} ", "job") == words_of(MACROS[macro], "job")


@pytest.mark.parametrize(
    ("day", "weekday", "is_either"),
    [
        ("13", "5", True),
        ("*", "5", False),
        ("13", "*", False),
        ("*/2", "5", False),  # cron's flag is set by the first character
        ("13", "*/2", False),
        ("1-31/2", "5", True),
        ("5,*", "5", True),
        ("L", "5", True),
    ],
)
def test_day_and_weekday_are_alternatives_unless_one_begins_with_a_star(
    day: str, weekday: str, is_either: bool
) -> None:
    assert fields(f"0 0 {day} * {weekday}").wallclock.days.is_either is is_either


@pytest.mark.parametrize(
    ("text", "is_fixed"),
    [
        ("30 2 * * *", True),
        ("0-59/20 2 * * *", True),
        ("* 30 2 * * *", True),  # every second of a minute at a fixed hour
        ("*/20 2 * * *", False),
        ("0 */2 * * *", False),
        ("H/15 2 * * *", True),
    ],
)
def test_an_expression_is_fixed_unless_minute_or_hour_begins_with_a_star(
    text: str, is_fixed: bool
) -> None:
    assert fields(text).is_fixed is is_fixed


class TestHash:
    """``H`` spreads jobs, and each job keeps its place."""

    def test_it_is_the_same_at_every_reading(self) -> None:
        assert words_of("H H H H H", "backup") == words_of("H H H H H", "backup")

    @given(st.text())
    def test_it_stays_within_its_range(self, job: str) -> None:
        assert 0 <= minutes("H", job)[0] <= 59
        assert 10 <= minutes("H(10-19)", job)[0] <= 19

    @given(st.text(max_size=5), st.integers(1, 70))
    def test_with_a_step_it_only_moves_the_start(self, job: str, step: int) -> None:
        found = minutes(f"H/{step}", job)
        assert found == tuple(range(found[0], 60, step))
        assert found[0] < step

    @given(st.text(max_size=5))
    def test_a_range_with_a_step_starts_within_the_first_step(self, job: str) -> None:
        found = minutes("H(0-29)/10", job)
        assert found[0] < 10
        assert len(found) == 3

    def test_it_never_names_a_day_that_some_month_lacks(self) -> None:
        days = {words_of("0 0 H * *", f"job-{n}")[3] for n in range(500)}
        assert days == {str(day) for day in range(1, 29)}

    def test_hour_and_minute_are_hashed_apart(self) -> None:
        """croniter takes both from one number, so that 240 of 1,440 minutes are ever used."""
        places = {words_of("H H * * *", f"job-{n}")[1:3] for n in range(5000)}
        assert len(places) > 1300

    def test_it_spreads_jobs_evenly(self) -> None:
        counts = Counter(minutes("H", f"job-{n}")[0] for n in range(6000))
        assert min(counts.values()) > 50
        assert max(counts.values()) < 160

    def test_macros_are_not_hashed(self) -> None:
        assert words_of("@daily", "one") == words_of("@daily", "other")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it is empty; write five fields such as"),
        (" \t ", "it is empty"),
        ("61 * * * *", "61 is no minute; write 0-59"),
        ("* 24 * * *", "24 is no hour; write 0-23"),
        ("60 * * * * *", "60 is no second; write 0-59"),
        ("0 0 0 * *", "0 is no day of month; write 1-31, or L for the last"),
        ("0 0 * 13 *", "13 is no month; write 1-12 or jan-dec"),
        ("0 0 * foo *", "FOO is no month; write 1-12 or jan-dec"),
        ("0 0 * * 8", "8 is no day of week; write 0-7 or sun-sat"),
        ("-1 * * * *", "-1 is no minute"),
        ("*-5 * * * *", r"\*-5 is no minute"),
        ("*/0 * * * *", r"\*/0 has step 0; write a step of 1 or more"),
        ("5/ * * * *", "5/ is no minute"),
        ("1,,2 * * * *", "the minute has an empty item"),
        ("0 22-2 * * *", "22-2 runs backwards; write 22-23,0-2"),
        ("0 0 * * mon#6", "MON#6: no month has that day; write #1 to #5"),
        ("0 0 * * L", "L alone is no day of week; write 5L"),
        ("0 0 15W * *", r"15W: weekdays nearest to a date \(W\) are not supported"),
        ("0 0 ? * *", r'"\?" is not cron\'s; write "\*"'),
        ("R * * * *", "R is no minute"),
        ("H(0-99) * * * *", r"H\(0-99\) spans no minutes"),
        ("H(9-3) * * * *", "smaller first"),
        ("H/0 * * * *", "H/0 has step 0"),
        ("*/5 * * *", r"it has 4 fields; write 5 \(minute, hour"),
        ("5", "it has 1 field;"),
        ("0 0 0 1 1 * 2027", r"it has 7 fields \(there is no field for years\)"),
        ("\u0663 * * * *", r"'\\u0663' has no place in it"),
        ("\uff15 * * * *", "has no place in it"),
        ("0 0 * * fr\u0131", "has no place in it"),
        ("1.5 * * * *", r"'\.' has no place in it"),
        ("0 0 30 2 *", "it never fires: none of its months has such a day"),
        ("0 0 31 4,6,9,11 *", "it never fires"),
        ("0 0 30 2 */2", "it never fires"),
        ("0 0 */17 * 5L", "it never fires"),
        ("@reboot", "@reboot names no time; write a schedule"),
        ("@dayly", "'@dayly' is not known; write @daily"),
        ("@5m", "'@5m' is not known; write five fields, or one of @hourly, @daily"),
        ("@every 5m", "write the key every = "),
        ("0," * 600 + "0 * * * *", "it is 1209 characters long; write at most 1000"),
    ],
)
def test_a_wrong_expression_says_what_is_wrong_and_what_to_write(text: str, complaint: str) -> None:
    with pytest.raises(ScheduleError, match=complaint):
        fields(text)


CRONLIKE = st.lists(
    st.text(alphabet="0123456789*/-,LH#()WR? @monfrijan", max_size=8), min_size=1, max_size=8
).map(" ".join)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(CRONLIKE, st.text()))
@example("9" * 900 + " * * * *")
@example("*/" + "9" * 900 + " * * * *")
@example("H(0-9" + "9" * 900 + ") * * * *")
@example("\ud800 * * * *")
@example("@" * 500)
def test_no_text_raises_anything_but_a_schedule_error(text: str) -> None:
    try:
        fields(text)
    except ScheduleError as error:
        assert len(str(error)) < 300  # noqa: PT017 - both ways of ending are fine
