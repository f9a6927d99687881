"""Crontabs become jobs that do the same at the same times; what cannot be is told."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.config.importers.crontab.files import Stated, files_at
from jobd.config.importers.crontab.importer import Settings, import_crontabs
from jobd.config.importers.crontab.text import Assignment, CrontabFile, Kind, lines_of
from jobd.config.importers.imported import Import, NotImportable
from jobd.config.importers.writer import render
from jobd.config.load import load
from jobd.config.model import Config
from jobd.core.schedule import upcoming

Importer = Callable[..., Import]

DEBIAN = Path(__file__).parent / "debian"
PACKAGES = sorted((DEBIAN / "cron.d").iterdir())
BERLIN = ZoneInfo("Europe/Berlin")
# Before the clocks change, so that minutely jobs pass it in a few thousand ticks.
START = datetime(2026, 3, 27, tzinfo=BERLIN)
_BEGIN_OF_ENTRY = re.compile(r"(?:[\d*/,-]+\s+){5}")


def import_file(path: Path) -> Import:
    files = [file for file in files_at(path, Stated()) if isinstance(file, CrontabFile)]
    return import_crontabs(files, Settings("Europe/Berlin"))


def loaded(imported: Import, folder: Path) -> Config:
    file = folder / "imported.toml"
    file.write_text(render(imported), encoding="utf-8")
    return load(file)


def entries_of(path: Path) -> list[str]:
    """Return the lines that run something at a time, found without jobd's own parser."""
    return [line for line in path.read_text().splitlines() if _BEGIN_OF_ENTRY.match(line)]


@pytest.mark.parametrize("path", [*PACKAGES, DEBIAN / "etc/crontab"], ids=lambda path: path.name)
def test_what_debian_s_packages_install_runs_when_it_did(path: Path, tmp_path: Path) -> None:
    """Each line one job, as jobd's own loader takes it, with the ticks of the original line:
    cronsim's, which follow Debian's rules, over the change of the clocks."""
    jobs = list(loaded(import_file(path), tmp_path).jobs.values())
    entries = entries_of(path)
    assert len(jobs) == len(entries)
    for job, entry in zip(jobs, entries, strict=True):
        assert job.schedule is not None
        expected = CronSim(" ".join(entry.split()[:5]), START)
        ticks = upcoming(job.schedule, START)
        assert list(islice(ticks, 900)) == list(islice(expected, 900)), entry


@pytest.mark.parametrize("path", [*PACKAGES, DEBIAN / "etc/crontab"], ids=lambda path: path.name)
def test_what_debian_s_packages_install_runs_as_whom_and_what_it_did(
    path: Path, tmp_path: Path
) -> None:
    jobs = loaded(import_file(path), tmp_path).jobs.values()
    for job, entry in zip(jobs, entries_of(path), strict=True):
        user, command = entry.split(None, 6)[5:]
        assert job.command.user == user
        assert job.command.argv == ("/bin/sh", "-c", command.replace(r"\%", "%"))


def test_debian_s_anacrontab_becomes_three_jobs_that_catch_up(tmp_path: Path) -> None:
    jobs = loaded(import_file(DEBIAN / "anacrontab"), tmp_path).jobs
    assert {name: job.catchup_window for name, job in jobs.items()} == {
        "cron.daily": timedelta(days=1),
        "cron.weekly": timedelta(days=7),
        "cron.monthly": timedelta(days=30),
    }
    assert {(job.command.user, job.command.cwd) for job in jobs.values()} == {("root", "/")}


def test_all_of_them_at_once_have_names_of_their_own(tmp_path: Path) -> None:
    imported = import_file(DEBIAN / "cron.d")
    assert len(loaded(imported, tmp_path).jobs) == sum(len(entries_of(path)) for path in PACKAGES)


def test_a_line_becomes_a_job(importer: Importer) -> None:
    (job,) = importer("# Purges old carts\n*/5 * * * * timeout 4m /srv/purge.sh --all\n").jobs
    assert job.name == "purge"
    assert list(job.keys.items()) == [
        ("description", "Purges old carts"),
        ("command", "/srv/purge.sh --all"),
        ("schedule", "*/5 * * * *"),
        ("timezone", "Europe/Berlin"),
        ("timeout", "4m"),
        ("user", "joe"),
    ]
    assert job.source == ("crontab:2: */5 * * * * timeout 4m /srv/purge.sh --all",)


def test_a_command_that_names_nothing_is_called_by_its_file(importer: Importer) -> None:
    assert importer("@daily 'my program'\n").jobs[0].name == "crontab"


@pytest.mark.parametrize(
    ("when", "schedule"),
    [
        ("~ ~ * * *", "H H * * *"),
        ("10~ 3~ * * *", "H(10-59) H(3-23) * * *"),
        ("~10 3 ~7 * *", "H(0-10) 3 H(1-7) * *"),
        ("0~10,30~40 3 * ~6 *", "H(0-10),H(30-40) 3 * H(1-6) *"),
        ("5~5 3 * * 2~", "5 3 * * H(2-6)"),
        ("0 3 * * mon~fri", "0 3 * * H(1-5)"),
        ("0 3 1 Mar~ ~Wed", "0 3 1 H(3-12) H(0-3)"),
        ("0 3 * feb~2 *", "0 3 * 2 *"),
    ],
)
def test_a_random_time_may_leave_its_ends_to_the_field(
    importer: Importer, when: str, schedule: str
) -> None:
    """As cronie's get_range has it: number, if any, ~ and number, if any."""
    (job,) = importer(f"{when} x\n").jobs
    assert job.keys["schedule"] == schedule


@pytest.mark.parametrize("when", ["0 mon~fri * * *", "0 3 * mon~fri *", "0 3 * * fri~mon"])
def test_a_random_day_that_cron_refuses_is_told(importer: Importer, when: str) -> None:
    outcome = importer(f"{when} x\n0 1 * * * y\n")
    assert [job.name for job in outcome.jobs] == ["y"]
    assert str(outcome.findings[0]).startswith("crontab:1: ")


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("0 0 1 1 * 2025 x\n", Kind.USER, '"2025" stands where cron reads the program'),
        ("0 0 1 1 * * x\n", Kind.USER, '"*" stands where cron reads the program'),
        ("0 0 1 1 * 2025 root x\n", Kind.SYSTEM, '"2025" stands where cron reads the user'),
        ("0 0 1 1 * 7z a\n", Kind.USER, None),
    ],
)
def test_a_field_too_many_is_told_with_its_line(
    importer: Importer, text: str, kind: Kind, words: str | None
) -> None:
    """Other schedulers have one for seconds, or years; cron executes it, as would the job."""
    outcome = importer(text, kind, None if kind is Kind.SYSTEM else "joe")
    said = [str(one) for one in outcome.findings]
    assert [one[: len(words or "") + 11] for one in said] == (
        [f"crontab:1: {words}"] if words else []
    )


def test_cron_s_own_options_are_no_part_of_the_command(importer: Importer) -> None:
    """cronie's and FreeBSD's -n: mail only what failed. Taken for a program, it never starts."""
    (job,) = importer("0 1 * * * -n /opt/backup -n 3\n").jobs
    assert job.keys["command"] == "/opt/backup -n 3"
    (job,) = importer("0 1 * * * root -n -q /opt/backup\n", Kind.SYSTEM, None).jobs
    assert job.keys["command"] == "/opt/backup"


@pytest.mark.parametrize("when", ["5/15 * * * *", "0 8/2 * * *", "1,5/15 * * * *"])
def test_a_step_that_no_cron_takes_is_noted(importer: Importer, when: str) -> None:
    """Debian's crontab(1) calls it a bad minute: the line never ran, and the job would."""
    (job,) = importer(f"{when} x\n").jobs
    assert "refuse a step" in " ".join(job.notes)


@pytest.mark.parametrize("when", ["*/5 * * * *", "5-59/15 */2 * * *", "H/15 * * * *"])
def test_other_steps_are_not(importer: Importer, when: str) -> None:
    (job,) = importer(f"{when} x\n").jobs
    assert not job.notes


def test_a_zone_that_debian_s_cron_does_not_know_is_noted(importer: Importer) -> None:
    """There CRON_TZ is a variable like any other: the job moves by hours, and should say so."""
    text = "0 1 * * * x\nCRON_TZ=Asia/Tokyo\n0 1 * * * y\n"
    before, after = importer(text).jobs
    assert not before.notes
    assert "ran this by Europe/Berlin" in " ".join(after.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1 * * * x\n0 2 * * * y", "crontab:2: no newline ends the file"),
        ("A=b\r\n0 1 * * * x\r\n", "crontab: its lines end in CR LF"),
    ],
)
def test_jobs_that_did_not_work_with_cron_are_told(
    importer: Importer, text: str, words: str
) -> None:
    """They begin to run with jobd; whoever thought that they did before looks twice."""
    assert [str(one)[: len(words)] for one in importer(text).findings] == [words]


def test_a_whole_crontab_has_nothing_to_tell(importer: Importer) -> None:
    assert not importer("A=b\n0 1 * * * x\n").findings


def test_a_random_minute_is_a_hashed_one(importer: Importer) -> None:
    """cronie's 0~59 is drawn when cron starts; H is the same for ever, and known to jobd next."""
    (job,) = importer("10~40 3 * * * x\n").jobs
    assert job.keys["schedule"] == "H(10-40) 3 * * *"


@pytest.mark.parametrize("when", ["0 4 * * 5#2", "0 4 * * friL", "0 4 * * 1,5L"])
def test_a_day_of_the_month_s_weeks_is_noted(importer: Importer, when: str) -> None:
    """Debian's cron was seen to accept 5#2; it means every Friday to it."""
    (job,) = importer(f"{when} x\n").jobs
    assert "Debian's cron passes over" in job.notes[-1]


@pytest.mark.parametrize("when", ["0 4 L * *", "0 4 * * 1-5", "0 4 * jul *", "@daily"])
def test_other_times_are_not(importer: Importer, when: str) -> None:
    assert importer(f"{when} x\n").jobs[0].notes == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("@reboot x", "@reboot names no time"),
        ("61 * * * * x", "61 is no minute; write 0-59"),
        ("0 0 31 2 * x", "it never fires"),
        ("@fortnightly x", "is not known"),
        ("0 4 * * * root x", 'its command begins with "root"'),
        ("nonsense", "this is no line of a crontab"),
    ],
)
def test_a_line_that_cannot_be_a_job_is_told(importer: Importer, line: str, words: str) -> None:
    imported = importer(f"@daily a\n{line}\n@daily b\n")
    assert [job.name for job in imported.jobs] == ["a", "b"]
    (finding,) = imported.findings
    assert str(finding).startswith("crontab:2: ")
    assert words in str(finding)


def test_a_user_that_can_be_none_is_told(importer: Importer) -> None:
    """The crontab of a user, taken for one with a field for users."""
    imported = importer("@daily root a\n@daily /usr/bin/backup --all\n", Kind.SYSTEM, None)
    (finding,) = imported.findings
    assert '"/usr/bin/backup" is no account name' in str(finding)


def test_jobs_of_nobody_are_told(importer: Importer) -> None:
    """The daemon's user is root, mostly: a job must not become root's by an oversight."""
    imported = importer("@daily a\n", Kind.USER, None)
    assert "user" not in imported.jobs[0].keys
    assert ["--user NAME" in str(finding) for finding in imported.findings] == [True]


def test_jobs_that_share_a_lock_keep_it(importer: Importer) -> None:
    first, second = importer("@daily flock -n /run/l a\n@daily flock -n /run/l b\n").jobs
    assert [job.keys["command"] for job in (first, second)] == [
        "flock -n /run/l a",
        "flock -n /run/l b",
    ]


SCRIPTS = {"/etc/cron.daily": ["/etc/cron.daily/dpkg", "/etc/cron.daily/logrotate"]}


def expand(command: str) -> Import:
    file = CrontabFile("c", f"25 6 * * * root {command}\n", Kind.SYSTEM)
    return import_crontabs([file], Settings("UTC", SCRIPTS.__getitem__))


@pytest.mark.parametrize(
    "command",
    [
        "run-parts /etc/cron.daily",
        "cd / && run-parts --report /etc/cron.daily",
        "cd / && /usr/bin/run-parts /etc/cron.daily/",
    ],
)
def test_each_script_of_a_folder_becomes_a_job_if_wanted(command: str) -> None:
    imported = expand(command)
    assert {job.name: job.keys["command"] for job in imported.jobs} == {
        "dpkg": "/etc/cron.daily/dpkg",
        "logrotate": "/etc/cron.daily/logrotate",
    }
    assert {job.keys["cwd"] for job in imported.jobs} == {"/"}
    assert ["later is none" in str(finding) for finding in imported.findings] == [True]


def test_what_is_left_to_anacron_is_left_to_it_by_each_script() -> None:
    """Debian's own line: without its guard, anacron and jobd would both run the scripts."""
    command = "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }"
    assert [job.keys["command"] for job in expand(command).jobs] == [
        "test -x /usr/sbin/anacron || /etc/cron.daily/dpkg",
        "test -x /usr/sbin/anacron || /etc/cron.daily/logrotate",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "run-parts --regex '^a' /etc/cron.daily",
        "run-parts /etc/cron.daily && touch /run/done",
        "nice run-parts /etc/cron.daily",
        "{ run-parts /etc/cron.daily",
    ],
)
def test_a_line_that_does_more_than_run_parts_stays_one_job(command: str) -> None:
    imported = expand(command)
    assert len(imported.jobs) == 1
    assert ["does more than run-parts" in str(finding) for finding in imported.findings] == [True]


def test_a_folder_that_cannot_be_listed_stays_one_job() -> None:
    def missing(folder: str) -> list[str]:
        raise FileNotFoundError(2, "No such file or directory")

    text = "@daily root run-parts /etc/cron.daily\n"
    settings = Settings("UTC", missing)
    imported = import_crontabs([CrontabFile("c", text, Kind.SYSTEM)], settings)
    assert [job.keys["command"] for job in imported.jobs] == ["run-parts /etc/cron.daily"]
    assert ["cannot be listed" in str(finding) for finding in imported.findings] == [True]


@pytest.mark.parametrize(
    "text", ["hello\n", "[Unit]\nDescription=x\n", "one two three four five six\n"]
)
def test_what_is_no_crontab_is_refused(importer: Importer, text: str) -> None:
    with pytest.raises(NotImportable, match="no line is one of a crontab"):
        importer(text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "MAILTO=x\n", "@reboot x\n"])
def test_a_crontab_without_jobs_is_one(importer: Importer, text: str) -> None:
    assert importer(text).jobs == ()


FIELD = st.sampled_from(["*", "*/5", "0", "59", "1-5", "mon", "61", "L", "H", "0~30", "é", "7,"])
TIME = st.one_of(
    st.lists(FIELD, min_size=4, max_size=6).map(" ".join),
    st.sampled_from(["@daily", "@reboot", "@x"]),
)
COMMAND = st.one_of(
    st.text("ab /.%\\'\"|&;<>$()=~-\t0123", max_size=30),
    st.sampled_from(
        ["nice -n 5 x", "timeout -k 1 1h x > y", "flock -n /l x", "run-parts /etc/x", "root x"]
    ),
)
SAID = ["A=1", "CRON_TZ=Asia/Tokyo", "MAILTO=x", "RANDOM_DELAY=5", "HOME=/", "# x", "1 5 n x"]
LINE = st.one_of(
    st.tuples(TIME, COMMAND).map(" ".join), st.text(max_size=40), st.sampled_from(SAID)
)
TEXT = st.lists(LINE, max_size=8).map("\n".join)


@settings(deadline=None)  # the first load imports pydantic
@given(TEXT, st.sampled_from(Kind), st.sampled_from([None, "joe"]))
def test_nothing_is_lost_whatever_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, kind: Kind, user: str | None
) -> None:
    """Every line is a job's, a finding's, or an assignment; and what is written is jobd's."""
    file = CrontabFile("c", text, kind, user)
    try:
        imported = import_crontabs([file], Settings("UTC"))
    except NotImportable:
        return
    told = {int(job.source[0].split(":")[1]) for job in imported.jobs}
    told |= {finding.line for finding in imported.findings if finding.line is not None}
    lines = list(lines_of(file))
    said = {line.line for line in lines if not isinstance(line, Assignment)}
    assert said == told - {line.line for line in lines if isinstance(line, Assignment)}
    assert len(loaded(imported, tmp_path_factory.mktemp("c")).jobs) == len(imported.jobs)


@given(TEXT)
def test_every_line_that_is_no_comment_is_read(text: str) -> None:
    numbers = [
        number
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip(" \t\r\f\v") and not line.strip(" \t\r\f\v").startswith("#")
    ]
    lines = lines_of(CrontabFile("c", text, Kind.USER))
    assert [line.line for line in lines] == numbers
