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
LATER = {
    "memory_budget", "pressure", "watchdog", "expected_duration", "expected_memory", "steps",
}  # fmt: skip


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
    assert set(model.model_fields) - LATER - written == set()


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
