"""Celery's beat: its entries become jobs that fire when it would and run the very tasks."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from jobd.config.importers.celery import prober
from jobd.config.importers.celery.beat import import_beat
from jobd.config.importers.celery.probe import place_of, probe
from jobd.config.importers.imported import Import, NotImportable, Value
from jobd.config.importers.writer import render
from jobd.config.load import load
from jobd.core.schedule import CronSchedule, upcoming
from tests.config.importers.celery.conftest import HEAD, Beat

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
COUNT = 30

SAID_IN_FULL = [
    ("crontab(minute='*/5')", {"schedule": "*/5 * * * *", "timezone": "UTC"}),
    ("crontab(0, 3, day_of_week='mon-fri')", {"schedule": "0 3 * * mon-fri"}),
    ("crontab(0, 6, day_of_week='mon', day_of_month='1-7')", {"schedule": "0 6 * * mon#1"}),
    ("30.0", {"every": "30s", "catchup": "latest", "catchup_window": "366d"}),
    ("timedelta(hours=2)", {"every": "2h"}),
    ("schedule(run_every=90)", {"every": "1m30s"}),
    ("60, 'options': {'expires': 600, 'queue': 'slow'}", {"start_deadline": "10m"}),
    ("60, 'options': {'time_limit': 30}", {"timeout": "30s"}),
]
TIMELESS = [
    ("crontab(0, 0, day_of_month='13', day_of_week='fri')", "both a day of the month and a"),
    ("Sunset()", "a schedule of solar has no equivalent"),
    ("Odd()", "a schedule of shop.Odd has no equivalent"),
    ("0.25", "is out of what every takes"),
    ("timedelta(0)", "a rate of 0 s has no equivalent"),
]
TOLD = [
    ("60, 'options': {'countdown': 5}", "its option countdown has no equivalent"),
    ("60, 'options': {'expires': datetime(2030, 1, 1)}", "expires is no number of seconds"),
    ("60, 'relative': True", "its rate is relative"),
    ("crontab(nowfun=datetime.now)", "has a clock of its own"),
    ("Mine(60)", "is a shop.Mine, which may decide otherwise"),
]

CLASSES = """
class Sunset(BaseSchedule):
    lat = 1
class Odd(BaseSchedule):
    pass
class Mine(schedule):
    pass
"""

Many = Callable[[str], tuple[dict[str, Value], str]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Many:
    """Import all entries of the lists above at once, for each import starts an interpreter;
    return the keys of the one that is asked for, and what was said about it."""
    entries = [str(entry) for entry, _ in (*SAID_IN_FULL, *TIMELESS, *TOLD)]
    written = ", ".join(
        f"'{n}': {{'task': 'shop.add', 'schedule': {entry}}}" for n, entry in enumerate(entries)
    )
    folder = tmp_path_factory.mktemp("shop")
    text = f"{HEAD}\n{CLASSES}\napp.conf.beat_schedule = {{{written}}}"
    (folder / "shop.py").write_text(text, encoding="utf-8")
    place = place_of("shop:app", sys.executable, folder)
    imported = import_beat(probe("shop:app", place), place, "Asia/Tokyo")

    def asked(entry: str) -> tuple[dict[str, Value], str]:
        number = entries.index(entry)
        said = [str(one) for one in imported.findings if str(one).startswith(f"shop: {number}: ")]
        return dict(imported.jobs[number].keys), "\n".join(said)

    return asked


# Celery's own answer: from each fire time it is asked for the next.
ORACLE = f"""
import json, sys
from datetime import datetime, timezone
from shop import app, crontab

def times(kwargs):
    moment = datetime(2026, 1, 15, 10, 0, tzinfo=timezone.utc)
    for _ in range({COUNT}):
        moment += crontab(**kwargs, nowfun=lambda: moment, app=app).remaining_estimate(moment)
        yield moment.isoformat()

json.dump([[*times(kwargs)] for kwargs in json.load(sys.stdin)], sys.stderr)
"""


def keys_of(imported: Import) -> dict[str, Value]:
    (job,) = imported.jobs
    return dict(job.keys)


def said_of(imported: Import) -> str:
    return "\n".join(map(str, imported.findings))


def crontabs(seed: int, count: int) -> list[dict[str, str]]:
    draw = Random(seed)
    return [
        {
            "minute": draw.choice(["*", "*/5", "*/7", "0", "15,45", "3-40/9", "59"]),
            "hour": draw.choice(["*", "*/3", "0", "9-17", "23", "1,2,3"]),
            "day_of_week": draw.choice(["*", "*", "*", "mon-fri", "sun", "sat,sun", "0", "1-4/2"]),
            "day_of_month": draw.choice(["*", "*", "*", "1", "1-7", "*/2", "13", "28-31", "8-14"]),
            "month_of_year": draw.choice(["*", "*", "*", "*/3", "2", "1,6,12"]),
        }
        for _ in range(count)
    ]


def test_a_crontab_fires_when_celery_says_so(import_app: Beat, tmp_path: Path) -> None:
    """Also where a day of the month and a weekday are given: Celery wants both."""
    written = crontabs(1, 60)
    entries = ", ".join(
        f"'{n}': {{'task': 'shop.add', 'schedule': crontab(**{one!r})}}"
        for n, one in enumerate(written)
    )
    jobs = import_app(f"app.conf.beat_schedule = {{{entries}}}").jobs
    done = subprocess.run(
        [sys.executable, "-c", ORACLE], cwd=tmp_path, input=json.dumps(written),
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    compared = 0
    for job, one, theirs in zip(jobs, written, json.loads(done.stderr), strict=True):
        if "schedule" in job.keys:
            schedule = CronSchedule.parse(str(job.keys["schedule"]), job="", timezone="UTC")
            mine = [tick.isoformat() for tick in islice(upcoming(schedule, NOW), COUNT)]
            assert mine == theirs, one
            compared += 1
    assert compared > 40


def test_the_command_runs_the_task_with_its_arguments(import_entry: Beat) -> None:
    keys = keys_of(import_entry("'schedule': 60.0, 'args': (40,), 'kwargs': {'y': 2}"))
    done = run(keys)
    assert (done.returncode, "sum 42" in done.stdout) == (0, True), done.stderr


def test_a_task_that_fails_fails_the_run(import_entry: Beat) -> None:
    """apply() alone would swallow it, and jobd would tell nobody."""
    done = run(keys_of(import_entry("'schedule': 60.0", task="shop.fail")))
    assert done.returncode == 1
    assert "no such order" in done.stderr


def run(keys: dict[str, Value]) -> subprocess.CompletedProcess[str]:
    """Run a job's command as jobd does, in its folder, with an environment that is clean."""
    command, cwd = keys["command"], keys["cwd"]
    assert isinstance(command, list)
    return subprocess.run(
        [str(word) for word in command], cwd=str(cwd), env={"HOME": "/"},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("entry", "expected"), SAID_IN_FULL)
def test_an_entry_says_when_and_how_long(
    many: Many, entry: str, expected: dict[str, Value]
) -> None:
    keys, said = many(entry)
    assert keys.items() >= expected.items()
    assert said == ""


def test_the_limits_of_a_task_are_those_of_its_runs(import_entry: Beat) -> None:
    imported = import_entry("'schedule': 60", task="shop.fail")
    keys = keys_of(imported)
    assert (keys["timeout"], keys["kill_after"]) == ("1m", "30s")
    assert "SIGTERM in place of SoftTimeLimitExceeded" in said_of(imported)


@pytest.mark.parametrize(
    ("setting", "zone"),
    [("", "UTC"), ("app.conf.timezone = 'Europe/Berlin'", "Europe/Berlin")],
)
def test_the_zone_is_that_of_the_application(import_entry: Beat, setting: str, zone: str) -> None:
    imported = import_entry("'schedule': crontab(0, 3)", setting)
    assert keys_of(imported)["timezone"] == zone


def test_how_late_beat_makes_up_for_is_the_window(import_entry: Beat) -> None:
    setting = "app.conf.beat_cron_starting_deadline = 300"
    assert keys_of(import_entry("'schedule': crontab()", setting))["catchup_window"] == "5m"


def test_entries_that_a_signal_adds_are_seen_too(import_app: Beat) -> None:
    """As the documentation of Celery adds them."""
    imported = import_app(
        "@app.on_after_finalize.connect\n"
        "def later(sender, **_):\n"
        "    sender.add_periodic_task(10.0, add.s(1), name='by signal')\n"
    )
    assert [job.name for job in imported.jobs] == ["by-signal"]


def test_a_schedule_beside_its_application_may_be_named(import_app: Beat) -> None:
    rest = "beat = {'e': {'task': 'shop.add', 'schedule': 60, 'args': (1,)}}"
    keys = keys_of(import_app(rest, "shop:beat"))
    assert "from shop import app" in str(keys["command"])


@pytest.mark.parametrize(("entry", "said"), TIMELESS)
def test_a_time_that_no_job_has_is_told_and_never_another_printed(
    many: Many, entry: str, said: str
) -> None:
    keys, told = many(entry)
    assert keys.keys().isdisjoint({"schedule", "every"})
    assert said in told


@pytest.mark.parametrize(("entry", "said"), TOLD)
def test_what_a_job_does_not_do_is_told(many: Many, entry: str, said: str) -> None:
    assert said in many(entry)[1]


@pytest.mark.parametrize(
    ("entry", "task", "said"),
    [
        ("'args': (timedelta(1),), 'schedule': 60", "shop.add", "cannot be written down"),
        ("'schedule': 60", "shop.gone", "shop.gone is no task of the application"),
    ],
)
def test_a_job_that_could_not_run_its_task_is_written_switched_off(
    import_entry: Beat, entry: str, task: str, said: str
) -> None:
    imported = import_entry(entry, task=task)
    assert keys_of(imported)["enabled"] is False
    assert said in said_of(imported)


def test_jobd_takes_what_is_printed(import_entry: Beat, tmp_path: Path) -> None:
    file = tmp_path / "imported.toml"
    imported = import_entry("'schedule': crontab(), 'args': ('it\\'s', \"\"\"a'''b\"\"\")")
    file.write_text(render(imported), encoding="utf-8")
    assert [job.name for job in load(file).jobs.values()] == ["e"]


def test_entries_in_a_database_are_told_to_be_missing(import_entry: Beat) -> None:
    setting = "app.conf.beat_scheduler = 'django_celery_beat.schedulers:DatabaseScheduler'"
    assert "from a database" in said_of(import_entry("'schedule': 60", setting))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gone:app", "ModuleNotFoundError: No module named 'gone'; name its folder with --path"),
        ("shop:gone", "shop:gone is neither an application of Celery nor .*; name shop:app"),
        ("shop:add", "shop:add is neither an application of Celery nor .*; name shop:app"),
        ("shop:datetime.now", "is neither an application of Celery nor .*; name shop:app"),
        ("json:loads", "json:loads is no application of Celery"),
        ("json", "json is no application of Celery, nor is there just one in its module"),
        ("shop:app", "shop:app has no beat_schedule; there is nothing to import"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_the_application_s_own_words(
    import_app: Beat, target: str, said: str
) -> None:
    with pytest.raises(NotImportable, match=said):
        import_app("", target)


def test_a_target_that_is_wrong_is_not_blamed_on_folder_or_interpreter(import_app: Beat) -> None:
    with pytest.raises(NotImportable) as refused:
        import_app("app.conf.beat_schedule = [1]", "shop:app")
    assert str(refused.value) == "the beat_schedule of shop:app is no dict; mend that"


def test_the_application_is_found_by_its_module_alone(import_app: Beat) -> None:
    """Its name need not be app, which may be that of something else."""
    entries = "celery.conf.beat_schedule = {'e': {'task': 'shop.add', 'schedule': 60}}"
    assert import_app(f"celery, app = app, len\n{entries}", "shop").jobs[0].name == "e"


def test_an_entry_that_cannot_be_read_is_told_and_the_others_are_imported(
    import_app: Beat,
) -> None:
    imported = import_app(
        "from celery.beat import ScheduleEntry\n"
        "app.conf.beat_schedule = {'a': 5, 'b': {'schedule': 60}, 'c': {'task': 'shop.add',"
        " 'args': 5}, 'd': {'task': 'shop.add', 'schedule': 60},"
        " 'e': ScheduleEntry('e', 'shop.add', schedule=60, app=app)}",
    )
    assert [job.name for job in imported.jobs] == ["d", "e"]
    assert [str(one) for one in imported.findings[1:]] == [
        "shop: a: the entry is no dict, but int, so there is no job; mend it",
        "shop: b: the entry names no task, so there is no job; mend it",
        "shop: c: the entry cannot be read (TypeError), so there is no job; mend it",
    ]


def test_what_a_soft_limit_means_is_told_once_for_a_task(import_app: Beat) -> None:
    written = ", ".join(f"'{n}': {{'task': 'shop.fail', 'schedule': 60}}" for n in range(9))
    imported = import_app(f"app.conf.beat_schedule = {{{written}}}")
    assert len(imported.jobs) == 9
    assert said_of(imported).count("SIGTERM in place of") == 1


def test_an_application_that_explains_itself_at_length_is_heard(import_app: Beat) -> None:
    """Celery's own words for a missing library end with an indented command."""
    with pytest.raises(NotImportable, match="RuntimeError: install it:"):
        import_app('raise RuntimeError("install it:\\n\\n    $ pip install x")', "shop:app")


def test_that_nobody_said_as_whom_is_told(import_entry: Beat) -> None:
    """Workers run as somebody; a daemon that is root would run their tasks as root."""
    told = [str(one) for one in import_entry("'schedule': 60").findings]
    assert len(told) == 1
    assert "the jobs would run as the daemon's user; write user" in told[0]


def test_an_interpreter_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotImportable, match="--python"):
        place_of("shop:app", "python0", tmp_path)


def test_the_environment_of_django_is_carried_over(
    import_entry: Beat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's environment is clean: what the shell had set for the import would be missing."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop.settings")
    keys = keys_of(import_entry("'schedule': 60"))
    assert keys["env"] == {"DJANGO_SETTINGS_MODULE": "shop.settings"}


def test_the_prober_is_text_for_older_pythons_too() -> None:
    """It is executed by whatever Python the application has, not by jobd's."""
    ast.parse(Path(prober.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
    tree = ast.parse(Path(prober.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    }
    assert names <= sys.stdlib_module_names
