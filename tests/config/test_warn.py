"""Warnings: what a configuration allows that its author will probably regret."""

from collections.abc import Callable

import pytest

from jobd.config import machine
from jobd.config.model import Config

Load = Callable[[str], Config]

SOUND = '[defaults]\ntimeout = "1m"\nmemory_max = "64M"\n'


def words(config: Config) -> list[str]:
    return [warning.words for warning in config.warnings]


def test_a_sound_job_brings_no_warning(loaded: Load) -> None:
    assert words(loaded(SOUND + '[jobs.a]\ncommand = "x"')) == []


def test_a_job_without_timeout_or_memory_ceiling_is_told(loaded: Load) -> None:
    config = loaded('\n[jobs.a]\ncommand = "x"')
    assert words(config) == [
        "jobs.a.timeout: is missing: a run that hangs holds its place for ever;"
        ' write timeout = "1h"',
        "jobs.a.memory_max: is missing: a run may take all of the node's memory;"
        ' write memory_max = "1G"',
    ]
    assert [warning.line for warning in config.warnings] == [2, 2]


def test_a_job_that_is_expected_to_outlast_its_timeout_is_told(loaded: Load) -> None:
    job = f'{SOUND}[jobs.a]\ncommand = "x"\nexpected_duration = '
    (said,) = words(loaded(f'{job}"61s"'))
    assert said.startswith("jobs.a.expected_duration: is longer than timeout: every run")
    assert words(loaded(f'{job}"60s"')) == []


def test_many_jobs_with_the_same_flaw_make_one_line(loaded: Load) -> None:
    jobs = "".join(f'[jobs.j{n}]\ncommand = "x"\nmemory_max = "1M"\n' for n in range(1000))
    assert words(loaded(jobs)) == [
        "jobs: timeout is missing: a run that hangs holds its place for ever"
        ' (1,000 jobs: j0, j1, j2 and 997 more); write timeout = "1h" in [defaults]'
    ]


def test_a_ceiling_above_the_nodes_memory_is_told(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 4 << 30)
    (said,) = words(loaded(SOUND + '[jobs.a]\ncommand = "x"\nmemory_max = "5G"'))
    assert said.startswith("jobs.a.memory_max: is more than this node's memory of 4G")


def test_a_ceiling_above_the_budget_is_told(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_bytes", lambda: 4 << 30)
    limits = '[limits]\nmemory_budget = "50%"\n'
    (said,) = words(loaded(f'{limits}{SOUND}[jobs.a]\ncommand = "x"\nmemory_max = "3G"'))
    assert said == (
        "jobs.a.memory_max: is more than limits.memory_budget, 2G here: no run can start on this"
        " node; write less, or a larger memory_budget"
    )


POSTGRES = '[store]\nurl = "postgresql://h/d"\nlease_ttl = "40s"\n'


def test_a_stop_that_takes_longer_than_a_lease_allows_is_told(loaded: Load) -> None:
    config = loaded(f'{POSTGRES}{SOUND}[jobs.a]\ncommand = "x"\nkill_after = "11s"')
    assert words(config) == [
        "jobs.a.kill_after: is more than a quarter of store.lease_ttl, 40s: a node that is cut off"
        " from the store gives a run less, for it must be dead before another node may start it;"
        ' write kill_after = "10s" or less, or a longer lease_ttl'
    ]


@pytest.mark.parametrize(
    ("store", "keys"),
    [
        (POSTGRES, 'kill_after = "10s"'),
        (POSTGRES, 'kill_after = "1h"\nscope = "node"'),
        ("", 'kill_after = "1h"\nscope = "cluster"'),
    ],
)
def test_where_there_is_no_lease_or_time_enough_a_stop_may_take_its_time(
    loaded: Load, store: str, keys: str
) -> None:
    assert words(loaded(f'{store}{SOUND}[jobs.a]\ncommand = "x"\n{keys}')) == []


@pytest.mark.parametrize(
    "command", ["a | b", "a && b", "a > b", "echo $(x)", "echo $HOME", "A=1 x", "echo `x`", "a;b"]
)
def test_shell_syntax_that_no_shell_reads_is_told(loaded: Load, command: str) -> None:
    (said,) = words(loaded(f"{SOUND}[jobs.a]\ncommand = '{command}'"))
    assert "has shell syntax in it, but no shell reads it; write shell = true" in said


@pytest.mark.parametrize(
    "keys",
    [
        "command = \"grep 'a|b' /x\"",
        'command = ["grep", "a|b"]',
        'command = "a | b"\nshell = true',
        'command = "x --key=value"',
    ],
)
def test_what_is_quoted_listed_or_for_a_shell_is_no_mistake(loaded: Load, keys: str) -> None:
    assert words(loaded(f"{SOUND}[jobs.a]\n{keys}")) == []


@pytest.mark.parametrize(
    "command",
    [
        '["psql", "--password=hunter2"]',
        '["x", "--api-key", "hunter2"]',
        '"curl https://u:hunter2@host/"',
        '"env PGPASSWORD=hunter2 psql"',
    ],
)
def test_a_secret_among_the_arguments_is_told_and_not_repeated(loaded: Load, command: str) -> None:
    (said,) = words(loaded(f"{SOUND}[jobs.a]\ncommand = {command}"))
    assert "holds what looks like a secret" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("command", ["PASSWORD=$P x", "x --token $T", "reset-password now"])
def test_a_variable_is_no_secret(loaded: Load, command: str) -> None:
    assert words(loaded(f"{SOUND}[jobs.a]\ncommand = '{command}'\nshell = true")) == []


def test_unknown_users_and_groups_are_told(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "is_root", lambda: True)
    said = words(loaded(f'{SOUND}[jobs.a]\ncommand = "x"\nuser = "nobody-here"\ngroup = "0"'))
    assert said == ["jobs.a.user: is not known on this machine; create the user, or mend the name"]


def test_only_root_can_switch_users(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "is_root", lambda: False)
    (said,) = words(loaded(f'{SOUND}[jobs.a]\ncommand = "x"\nuser = "root"'))
    assert said == "jobs.a.user: cannot be switched to: this is not root; run jobd as root for it"
