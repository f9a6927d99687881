"""Digests: nodes that are configured alike have the same ones, and only they."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobd.config.digest import job_digests, shared_digest
from jobd.config.load import load
from jobd.config.model import Config
from jobd.core import job as core
from jobd.core.hooks import Hook, Hooks
from jobd.core.schedule import AfterSchedule

Load = Callable[[str], Config]
Write = Callable[..., Path]

STORE = '[store]\nurl = "postgresql://h/d"\n'
POOL = "[pools.db]\nsize = 2\n"
A = (
    '[jobs.a]\ncommand = ["x", "1"]\nschedule = "0 3 * * *"\npool = "db"\ntags = ["s", "t"]\n'
    'env = { A = "1", B = "2" }\nnodes = ["n", "m"]\nretries = { max = 1, on = ["oom", "lost"] }\n'
)
B = '[jobs.b]\ncommand = "y"\nevery = "1h"\n'
TEXT = STORE + POOL + A + B


def test_a_digest_is_twelve_digits_that_stay_the_same(loaded: Load) -> None:
    """Stay: over restarts, over hash seeds and over versions, or every upgrade looks like drift."""
    assert shared_digest(loaded(TEXT)) == "b8880abfe817"
    assert job_digests(loaded(TEXT)) == {"a": "f6b682fcff68", "b": "84cb837f07d7"}


def test_the_order_of_keys_jobs_and_names_does_not_matter(loaded: Load) -> None:
    turned = (
        '[jobs.a]\nretries = { on = ["lost", "oom"], max = 1 }\nnodes = ["m", "n"]\n'
        'env = { B = "2", A = "1" }\ntags = ["t", "s"]\npool = "db"\nschedule = "0 3 * * *"\n'
        'command = ["x", "1"]\n'
    )
    before, after = loaded(TEXT), loaded(B + turned + POOL + STORE)
    assert shared_digest(before) == shared_digest(after)
    assert job_digests(before) == job_digests(after)


def test_moving_a_job_to_another_file_changes_nothing(write: Write, loaded: Load) -> None:
    before = shared_digest(loaded(TEXT))
    path = write(f'include = ["jobs.d/*.toml"]\n{STORE}{B}', "other.toml")
    write(f"# moved\n\n{A}", "jobs.d/a.toml")
    write(POOL, "jobs.d/pools.toml")
    assert shared_digest(load(path)) == before


def test_where_a_key_stands_does_not_matter(loaded: Load) -> None:
    own = loaded(f'{STORE}{B}timeout = "1h"')
    inherited = loaded(f'{STORE}[defaults]\ntimeout = "1h"\n{B}')
    assert shared_digest(own) == shared_digest(inherited)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["x", "1"]', '["x", "2"]'),
        ('["x", "1"]', '["x 1"]'),
        ("0 3 * * *", "0 4 * * *"),
        ('A = "1"', 'A = "2"'),
        ("max = 1", "max = 2"),
        ('["n", "m"]', '["n"]'),
        ('pool = "db"', ""),
    ],
)
def test_what_changes_one_job_changes_its_digest_alone(loaded: Load, old: str, new: str) -> None:
    before, after = loaded(TEXT), loaded(TEXT.replace(old, new))
    assert shared_digest(before) != shared_digest(after)
    were, are = job_digests(before), job_digests(after)
    assert (were["a"] == are["a"], were["b"] == are["b"]) == (False, True)


def test_a_pool_s_size_is_shared_and_no_job_s(loaded: Load) -> None:
    before, after = loaded(TEXT), loaded(TEXT.replace("size = 2", "size = 3"))
    assert shared_digest(before) != shared_digest(after)
    assert job_digests(before) == job_digests(after)


@pytest.mark.parametrize(
    "more",
    [
        '[daemon]\nnode = "n2"\nlabels = ["x"]\n',
        "[limits]\nmax_running = 3\n",
        '[pools.disk]\nsize = 1\nscope = "node"\n',
        '[jobs.c]\ncommand = "z"\nscope = "node"\n',
    ],
)
def test_what_each_node_has_for_itself_is_not_compared(loaded: Load, more: str) -> None:
    assert shared_digest(loaded(TEXT + more)) == shared_digest(loaded(TEXT))


def test_the_daemon_s_time_zone_is_that_of_its_jobs(loaded: Load) -> None:
    """Nodes whose zones differ would compute different ticks."""
    moved = loaded(f'{TEXT}[daemon]\ntimezone = "Asia/Tokyo"\n')
    were, are = job_digests(loaded(TEXT)), job_digests(moved)
    assert were["a"] != are["a"]


OTHER: dict[str, Any] = {
    "name": "other", "command": core.Command(("z",)), "schedule": AfterSchedule(timedelta(hours=1)),
    "timezone": "Asia/Tokyo", "jitter_mode": core.JitterMode.FIXED, "overlap": core.Overlap.ALLOW,
    "limits": core.Limits(nice=1), "catchup": core.Catchup.ALL, "retries": core.Retries(9),
    "success_exit_codes": frozenset({1}), "failure_pattern": "x", "enabled": False,
    "pool": core.Pool("other", 1), "nodes": ("z",), "about": core.About("d"), "max_duty": 0.5,
    "hooks": Hooks(ping_url=Hook(url="https://h/d")),
    "params": (core.Param("p"),), "timeout": timedelta(1), "start_deadline": timedelta(1),
    "expected_duration": timedelta(1), "expected_memory_bytes": 1,
    "watchdog": timedelta(1), "steps": core.StepPatterns("(?P<step>x)"),
    "provenance": core.Provenance("f", 9),
}  # fmt: skip


@pytest.mark.parametrize("key", [f.name for f in fields(core.Job) if f.name != "scope"])
def test_every_part_of_a_job_but_its_place_in_the_files_counts(loaded: Load, key: str) -> None:
    """A key that a later version adds and its digest forgets fails here."""
    config = loaded(TEXT)
    job = config.jobs["b"]
    value = OTHER[key] if key in OTHER else _more(job, key)
    changed = replace(config, jobs={**config.jobs, "b": replace(job, **{key: value})})
    is_same = job_digests(changed)["b"] == job_digests(config)["b"]
    assert is_same == (key == "provenance")


def test_a_job_of_no_file_has_a_digest_too(loaded: Load) -> None:
    config = loaded(TEXT)
    bare = replace(config.jobs["b"], provenance=core.Provenance())
    digests = job_digests(replace(config, jobs={"b": bare}))
    assert digests["b"] == job_digests(config)["b"]


def _more(job: core.Job, key: str) -> Any:
    value = getattr(job, key)
    return value + (timedelta(seconds=1) if isinstance(value, timedelta) else 1)


def test_ten_thousand_jobs_are_digested(loaded: Load) -> None:
    lines = (
        f'[jobs.j{n}]\ncommand = ["x", "{n}"]\nschedule = "H * * * *"\n' for n in range(10_000)
    )
    digests = job_digests(loaded(STORE + "".join(lines)))
    assert len(set(digests.values())) == 10_000
