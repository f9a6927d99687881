"""Which cron expression an OnCalendar= becomes, as a person would have written it."""

import pytest

from jobd.config.importers.fires import NoCron, cron_expression, merged
from jobd.config.importers.systemd.calendar import parse_calendar
from jobd.config.importers.systemd.elapse import fires_of


def cron(*lines: str) -> str:
    (fires,) = merged(fires_of(parse_calendar(line)) for line in lines)
    return cron_expression(fires)


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        ("minutely", "* * * * *"),
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * mon"),
        ("monthly", "0 0 1 * *"),
        ("quarterly", "0 0 1 */3 *"),
        ("semiannually", "0 0 1 1,7 *"),
        ("yearly", "0 0 1 1 *"),
        ("*:0/10", "*/10 * * * *"),
        ("*:9,39", "9,39 * * * *"),
        ("6,18:00", "0 6,18 * * *"),
        ("Mon..Fri 9..17/2:30", "30 9-17/2 * * mon-fri"),
        ("Sat,Sun 04:05:06", "6 5 4 * * sat,sun"),
        ("*:*:0/20", "*/20 * * * * *"),
        ("*-*~01 23:00", "0 23 L * *"),
        ("*-02~1 12:00", "0 12 L 2 *"),
        ("*-04,06~2 0:00", "0 0 29 4,6 *"),
    ],
)
def test_it_reads_as_a_person_would_write_it(calendar: str, expected: str) -> None:
    assert cron(calendar) == expected


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        ("Sun *-*-1..7 1:00", "0 1 * * sun#1"),
        ("Mon,Tue *-*-8..21 0:00", "0 0 * * mon#2,mon#3,tue#2,tue#3"),
        ("Fri *-*~7/1 18:00", "0 18 * * friL"),
        ("Mon *-*-1,15 6:00", "0 6 */31,15 * mon"),
        ("Mon *-*-1/2 6:00", "0 6 */2 * mon"),
        ("Sun *-*-13 6:00", "0 6 13 * */7"),
        ("Sat,Sun *-*-13 6:00", "0 6 13 * */7,sat"),
        ("Sun *-*~1 6:00", "0 6 L * */7"),
    ],
)
def test_a_day_and_a_weekday_both_count_where_cron_has_a_way_to_say_so(
    calendar: str, expected: str
) -> None:
    """Cron takes either of the two, but for a field that begins with a star: */31 is day 1."""
    assert cron(calendar) == expected


@pytest.mark.parametrize(
    ("calendar", "why"),
    [
        ("Fri *-*-13 0:00", "both a day of the month and a weekday"),
        ("2027-01-01", "it names years"),
        ("*-*~3", "counts days from the end"),
        ("*:*:0/0.5", "fractions of a second"),
    ],
)
def test_what_has_no_expression_is_given_none(calendar: str, why: str) -> None:
    with pytest.raises(NoCron, match=why):
        cron(calendar)


def test_lines_that_differ_in_one_field_become_one_expression() -> None:
    assert cron("06:00", "18:00", "12:00") == "0 6-18/6 * * *"


def test_lines_that_differ_in_two_fields_stay_apart() -> None:
    """06:00 and 18:30 are not 06:00, 06:30, 18:00, 18:30."""
    assert len(merged(fires_of(parse_calendar(line)) for line in ("06:00", "18:30"))) == 2
