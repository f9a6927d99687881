"""The configurations that ship with jobd are good ones, and the reference is complete."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from jobd.config.load import load
from jobd.config.schema import DaemonTable, JobTable, LimitsTable, PoolTable, StoreTable, Table
from jobd.core.job import Job, Scope

CONFIG = Path(__file__).parents[2] / "config"
REFERENCE = CONFIG / "reference.toml"
PRETIX = CONFIG / "jobs.d/pretix.toml"


def test_the_two_minute_start_shows_five_things_within_a_minute() -> None:
    jobs = [job for job in load(CONFIG / "jobd.toml").jobs.values() if job.enabled]
    assert [job.name for job in jobs] == [
        "healthy",
        "slower-than-its-interval",
        "hits-its-memory-ceiling",
        "hits-its-timeout",
        "fails-and-is-retried",
    ]
    assert all(job.schedule is not None for job in jobs)


def test_the_two_minute_start_stays_in_the_work_tree() -> None:
    daemon = load(CONFIG / "jobd.toml").daemon
    assert daemon.state_dir == CONFIG.parent / ".jobd"
    assert daemon.socket == CONFIG.parent / ".jobd/jobd.sock"
    assert daemon.shutdown_grace == timedelta(seconds=5)


def test_the_two_minute_start_brings_no_warning() -> None:
    assert load(CONFIG / "jobd.toml").warnings == ()


def test_the_cluster_brings_no_warning_and_shows_both_scopes() -> None:
    config = load(CONFIG / "cluster.toml")
    assert config.warnings == ()
    assert config.store.is_shared
    scopes = {name: job.scope for name, job in config.jobs.items()}
    assert scopes["send-expiry-warnings"] is Scope.CLUSTER
    assert scopes["rotate-uploads"] is Scope.NODE
    assert {pool.scope for pool in config.pools.values()} == set(Scope)


@pytest.mark.parametrize("model", [DaemonTable, StoreTable, LimitsTable, PoolTable, JobTable])
def test_the_reference_has_every_key(model: type[Table]) -> None:
    written = set(re.findall(r"^(?:# )?([a-z_]+) = ", REFERENCE.read_text(), re.MULTILINE))
    assert set(model.model_fields) - written == set()


def test_the_reference_names_the_defaults_that_hold() -> None:
    """What it shows uncommented is what a job has that says nothing."""
    job = load(REFERENCE).jobs["reference"]
    default = Job("reference", job.command, job.schedule, provenance=job.provenance)
    assert job == default


def test_every_example_of_the_reference_is_one_that_jobd_takes(tmp_path: Path) -> None:
    """Each commented key by itself: they are there to be copied."""
    text = REFERENCE.read_text()
    examples = re.findall(r"^# [a-z_]+ = .*$", text, re.MULTILINE)
    assert len(examples) > 20
    for example in examples:
        tried = text.replace(example, example.removeprefix("# "), 1)
        if example.startswith(("# every", "# after")):
            tried = re.sub(r"^schedule = .*$", "", tried, flags=re.MULTILINE)
        if example.startswith("# max_instances"):
            tried = tried.replace('overlap = "skip"', 'overlap = "allow"')
        if example.startswith("# slots"):
            tried = tried.replace("# pool =", "pool =")
        if example.startswith("# url"):
            tried = tried.replace('url = "sqlite"', "")
        file = tmp_path / "jobd.toml"
        file.write_text(tried)
        assert load(file), example


def tasks_of(job: Job, option: str) -> list[str]:
    """Return the receivers that a job of pretix names behind an option; none without it."""
    *_, flag, names = job.command.argv
    return names.split(",") if flag == option else []


def test_every_receiver_of_pretix_is_in_exactly_one_job() -> None:
    """In two, two jobs would run it beside each other; in none, and excluded, nobody would."""
    jobs = dict(load(PRETIX).jobs)
    rest = jobs.pop("pretix-everything-else")
    named = [task for job in jobs.values() for task in tasks_of(job, "--tasks")]
    assert len(named) == len(set(named)) > 20
    assert sorted(tasks_of(rest, "--exclude")) == sorted(named)


def test_every_job_of_pretix_is_held_and_spares_the_database() -> None:
    config = load(PRETIX)
    for job in config.jobs.values():
        assert job.timeout is not None
        assert job.limits.memory_max_bytes is not None
        assert job.expected_duration is not None
        assert job.pool == config.pools["database"]
    said = {warning.words.partition(":")[2].split()[0] for warning in config.warnings}
    assert said <= {"user", "timeout"}  # unknown here; longer than the interval, as it explains


@pytest.mark.parametrize(
    ("line", "step", "is_end", "is_failure"),
    [
        ("INFO Running pretix.base.a…", "pretix.base.a", False, False),
        ("INFO Completed pretix.base.a in 0.2s", None, True, False),
        ("INFO Skipped pretix.base.a", None, True, False),
        ("ERROR pretix.base.a: no such table", None, True, True),
        ("ERROR runperiodic no such table", None, True, True),  # older releases
    ],
)
def test_the_jobs_of_pretix_read_what_it_prints(
    line: str, step: str | None, is_end: bool, is_failure: bool
) -> None:
    for job in load(PRETIX).jobs.values():
        assert job.steps is not None
        assert job.failure_pattern is not None
        start = re.search(job.steps.start, line)
        assert (start and start["step"]) == step
        assert bool(re.search(job.steps.end or "", line)) is is_end
        assert bool(re.search(job.failure_pattern, line)) is is_failure
