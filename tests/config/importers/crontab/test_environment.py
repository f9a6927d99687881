"""What a crontab assigns holds for the lines below it; what it says to cron is told."""

from collections.abc import Callable

import pytest

from jobd.config.importers.crontab.text import Kind
from jobd.config.importers.imported import Import

Importer = Callable[..., Import]


def told(imported: Import) -> list[str]:
    return [str(finding) for finding in imported.findings]


def test_a_variable_holds_from_its_line_on(importer: Importer) -> None:
    first, second, third = importer("@daily a\nA=1\n@daily b\nA=2\nB=3\n@daily c\n").jobs
    assert "env" not in first.keys
    assert second.keys["env"] == {"A": "1"}
    assert third.keys["env"] == {"A": "2", "B": "3"}


def test_home_is_where_the_job_starts_too(importer: Importer) -> None:
    (job,) = importer("HOME=/srv/app\n@daily x\n").jobs
    assert (job.keys["cwd"], job.keys["env"]) == ("/srv/app", {"HOME": "/srv/app"})


def test_a_shell_gets_the_commands_below_it(importer: Importer) -> None:
    (job,) = importer("SHELL=/bin/bash\n@daily a | b\n").jobs
    assert job.keys["command"] == ["/bin/bash", "-c", "a | b"]


def test_cron_tz_is_the_zone_of_the_schedule(importer: Importer) -> None:
    first, second = importer("@daily a\nCRON_TZ=Asia/Tokyo\n@daily b\n").jobs
    assert [job.keys["timezone"] for job in (first, second)] == ["Europe/Berlin", "Asia/Tokyo"]


def test_tz_is_only_the_job_s(importer: Importer) -> None:
    """cron runs everything by one zone; TZ changes what the command sees."""
    (job,) = importer("TZ=Asia/Tokyo\n@daily a\n").jobs
    assert (job.keys["timezone"], job.keys["env"]) == ("Europe/Berlin", {"TZ": "Asia/Tokyo"})


def test_random_delay_is_jitter(importer: Importer) -> None:
    (job,) = importer("RANDOM_DELAY=90\n@daily a\n").jobs
    assert job.keys["jitter"] == "1h30m"


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("MAILTO=ops@example.org", 'MAILTO="ops@example.org"'),
        ("MAILFROM=cron@example.org", "about cron's mails"),
        ("LOGNAME=nobody", "LOGNAME cannot be set"),
        ("CRON_TZ=Europe/Belrin", "jobs below stay in Europe/Berlin"),
        ("RANDOM_DELAY=soon", "is no number of minutes"),
        ("RANDOM_DELAY=99999", "is no number of minutes"),
        ("HOME=~joe", "is no absolute path"),
        ("SHELL=bash", "is no absolute path: /bin/sh stays"),
        ('"A B"=1', "is no variable name: no job has it"),
        ("JOBD_JOB=x", "is set by jobd itself: no job has it"),
    ],
)
def test_what_jobd_does_not_do_is_told_with_its_line(
    importer: Importer, assignment: str, words: str
) -> None:
    imported = importer(f"# first\n{assignment}\n@daily x\n")
    (finding,) = told(imported)
    assert finding.startswith("crontab:2: ")
    assert words in finding
    assert not set(imported.jobs[0].keys) & {"env", "cwd", "jitter", "shell"}


@pytest.mark.parametrize("assignment", ['MAILTO=""', "MAILTO=", "LOGNAME=joe"])
def test_what_changes_nothing_is_not_told(importer: Importer, assignment: str) -> None:
    assert importer(f"{assignment}\n@daily x\n").findings == ()


def test_an_anacrontab_starts_at_the_hour_that_it_may(importer: Importer) -> None:
    text = "START_HOURS_RANGE=3-22\nLOGNAME=root\n1 5 daily x\n"
    imported = importer(text, Kind.ANACRON, None)
    assert imported.jobs[0].keys["schedule"] == "5 3 * * *"
    assert ["START_HOURS_RANGE=3-22" in line for line in told(imported)] == [True]


def test_a_range_of_hours_that_is_none_is_told(importer: Importer) -> None:
    imported = importer("START_HOURS_RANGE=22\n1 5 daily x\n", Kind.ANACRON, None)
    assert ["is no range of hours" in line for line in told(imported)] == [True]
