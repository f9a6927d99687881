"""Timers: when a job runs that had one, and what no schedule of a job says."""

import pytest

from tests.config.importers.systemd.conftest import Units


def test_what_is_missed_while_the_machine_is_off_is_made_up_for_if_the_timer_does(
    import_timer: Units,
) -> None:
    keys = import_timer("OnCalendar=daily\nPersistent=true").keys
    assert (keys["catchup"], keys["catchup_window"]) == ("latest", "366d")


def test_what_a_timer_does_not_make_up_for_no_job_does(import_timer: Units) -> None:
    """jobd's own default is to run it within the hour."""
    assert import_timer("OnCalendar=daily").keys["catchup"] == "none"


def test_a_random_delay_is_jitter(import_timer: Units) -> None:
    keys = import_timer("OnCalendar=daily\nRandomizedDelaySec=1h 30min\nFixedRandomDelay=yes").keys
    assert (keys["jitter"], keys["jitter_mode"]) == ("1h30m", "fixed")


def test_a_delay_beyond_the_next_tick_is_told(import_timer: Units) -> None:
    """jobd's jitter ends at the next tick, systemd's lets that tick fall under the table."""
    outcome = import_timer("OnCalendar=hourly\nRandomizedDelaySec=2h")
    assert outcome.keys["jitter"] == "2h"
    assert "longer than the time to the next tick" in outcome.said[0]


def test_lines_with_one_time_each_are_one_job(import_timer: Units) -> None:
    assert import_timer("OnCalendar=06:00\nOnCalendar=18:00").keys["schedule"] == "0 6,18 * * *"


def test_lines_that_no_expression_joins_are_jobs_of_their_own_and_that_is_told(
    import_timer: Units,
) -> None:
    outcome = import_timer("OnCalendar=06:00\nOnCalendar=18:30")
    assert [(job.name, job.keys["schedule"]) for job in outcome.jobs] == [
        ("x", "0 6 * * *"),
        ("x-2", "30 18 * * *"),
    ]
    assert "need 2 jobs" in outcome.said[0]


def test_an_empty_line_takes_back_those_before(import_timer: Units) -> None:
    timer = "OnCalendar=daily\nOnBootSec=5min\nOnCalendar=\nOnCalendar=weekly"
    assert import_timer(timer).keys["schedule"] == "0 0 * * mon"


def test_a_rate_is_every_and_its_new_phase_is_told(import_timer: Units) -> None:
    outcome = import_timer("OnBootSec=15min\nOnUnitActiveSec=1h")
    assert (outcome.keys["every"], "schedule" in outcome.keys) == ("1h", False)
    assert outcome.said == [
        "x.timer:3: OnUnitActiveSec=1h counts from the last start, and the first from the boot;"
        " every has fixed ticks; see them with jobd next JOB"
    ]


def test_a_pause_is_after(import_timer: Units) -> None:
    assert import_timer("OnUnitInactiveSec=10min").keys["after"] == "10m"


def test_a_start_at_the_boot_alone_is_told_and_leaves_a_job_for_hands(
    import_timer: Units,
) -> None:
    outcome = import_timer("OnBootSec=5min")
    assert outcome.keys.keys().isdisjoint({"schedule", "every", "after"})
    assert "once after the boot" in outcome.said[0]
    assert "only triggered by hand" in outcome.jobs[0].notes[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("OnCalendar=Fri *-*-13", "both a day of the month and a weekday, of which cron takes"),
        ("OnCalendar=2030-01-01", "it names years"),
        ("OnCalendar=*-02-30", "it never fires"),
        ("OnCalendar=someday", "is no calendar expression: someday is no weekday"),
        ("OnCalendar=daily Mars/Base", "Mars/Base is no time zone"),
        ("OnUnitActiveSec=0.5s", "is out of what every takes"),
        ("OnUnitActiveSec=soon", "is no time span"),
    ],
)
def test_a_time_that_no_job_has_is_told_and_never_another_printed(
    import_timer: Units, line: str, said: str
) -> None:
    outcome = import_timer(line)
    assert outcome.keys.keys().isdisjoint({"schedule", "every", "after"})
    assert said in outcome.said[0]


@pytest.mark.parametrize("line", ["WakeSystem=true", "OnClockChange=yes", "Foo=1"])
def test_what_a_job_does_not_do_is_told(import_timer: Units, line: str) -> None:
    (said,) = import_timer(f"OnCalendar=daily\n{line}").said
    assert said.startswith(f"x.timer:3: {line} has no equivalent; ")


def test_what_changes_no_run_is_not_told(import_timer: Units) -> None:
    """Findings that mean nothing hide those that do."""
    timer = "OnCalendar=daily\nAccuracySec=12h\nRemainAfterElapse=no\nWakeSystem=no\n"
    assert import_timer(f"{timer}[Install]\nWantedBy=timers.target").said == []


def test_a_fixed_hour_that_a_zone_leaves_out_is_skipped_as_systemd_does(
    import_timer: Units,
) -> None:
    assert import_timer("OnCalendar=02:30", "Europe/Berlin").keys["dst"] == {"gap": "skip"}


def test_one_that_no_clock_leaves_out_needs_no_rule_for_it(import_timer: Units) -> None:
    assert "dst" not in import_timer("OnCalendar=06:30", "Europe/Berlin").keys


def test_a_step_that_systemd_miscounts_is_told(import_timer: Units) -> None:
    """The job fires at midnight, the timer does not; a systemd that does is no worse for it."""
    assert "by a defect of systemd" in import_timer("OnCalendar=*:0/7").said[0]
