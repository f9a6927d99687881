"""Pools, and where jobs run: what a good configuration means, and what cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.config.load import load
from jobd.config.model import Config
from jobd.core.job import Pool, Scope

Load = Callable[[str], Config]
Complaints = Callable[[str], list[str]]
Write = Callable[..., Path]

POSTGRES = '[store]\nurl = "postgresql://h/d"\n'
POOLS = '[pools.database]\nsize = 2\n[pools.disk]\nsize = 1\nscope = "node"\n'
JOB = '[jobs.a]\ncommand = "x"\n'


def test_a_pool_has_a_size_and_is_the_cluster_s_unless_it_says_otherwise(loaded: Load) -> None:
    assert loaded(POOLS).pools == {
        "database": Pool("database", 2, Scope.CLUSTER),
        "disk": Pool("disk", 1, Scope.NODE),
    }


def test_a_job_holds_its_pool_itself_and_shares_it(loaded: Load) -> None:
    config = loaded(f'{POOLS}{JOB}pool = "database"\nslots = 2\n[jobs.b]\n'
                    'command = "x"\npool = "database"')  # fmt: skip
    a, b = config.jobs["a"], config.jobs["b"]
    assert a.pool is b.pool is config.pools["database"]
    assert (a.slots, b.slots) == (2, 1)


def test_an_empty_pool_is_none_where_the_defaults_name_one(loaded: Load) -> None:
    defaults = '[defaults]\npool = "database"\nslots = 2\n'
    jobs = loaded(f'{POOLS}{defaults}{JOB}pool = ""\n[jobs.b]\ncommand = "x"').jobs
    assert (jobs["a"].pool, jobs["a"].slots) == (None, 1)
    assert jobs["b"].pool == Pool("database", 2)
    assert jobs["b"].slots == 2


@pytest.mark.parametrize(
    ("store", "written", "scope"),
    [
        ("", "", Scope.NODE),
        ("", 'scope = "cluster"', Scope.CLUSTER),
        (POSTGRES, "", Scope.CLUSTER),
        (POSTGRES, 'scope = "node"', Scope.NODE),
    ],
)
def test_a_job_is_the_cluster_s_if_it_or_the_store_says_so(
    loaded: Load, store: str, written: str, scope: Scope
) -> None:
    assert loaded(store + JOB + written).jobs["a"].scope is scope


@pytest.mark.parametrize("scope", ["cluster", "node"])
def test_nodes_are_chosen_by_label_or_name_whatever_the_scope(loaded: Load, scope: str) -> None:
    """Also where this very node is none of them: others are."""
    config = loaded(f'{JOB}scope = "{scope}"\nnodes = ["eu-west", "app1"]\ntimeout = "1m"')
    assert config.jobs["a"].nodes == ("eu-west", "app1")
    assert not [warning for warning in config.warnings if "nodes" in warning.key]


def test_a_job_may_run_everywhere_where_the_defaults_choose_nodes(loaded: Load) -> None:
    jobs = loaded(f'[defaults]\nnodes = ["app"]\n{JOB}nodes = []\n[jobs.b]\ncommand = "x"').jobs
    assert (jobs["a"].nodes, jobs["b"].nodes) == ((), ("app",))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pools = 3", "is no table of pools; write [pools.NAME] for each pool"),
        ("[pools]\ndatabase = 2", "database: is no pool; write [pools.NAME] and the pool's keys"),
        ("[pools.database]", "1: pools.database.size: is missing; write size = 2"),
        ("[pools.database]\nsize = 0", "pools.database.size: 0 is too small; write 1 or more"),
        ("[pools.database]\nsize = '2'", '"2" is no whole number; write it without quotes'),
        ("[pools.a]\nsize = 1\nscope = 'nodes'", '"nodes" is not allowed; write "node" (one of'),
        ("[pools.a]\nsize = 1\nslots = 1", "slots: is no key here; move it to [jobs.NAME]"),
        ("[pools.'a b']\nsize = 1", 'is no pool name; write "a-b"'),
        ("[limits]\nsize = 1", "size: is no key here; move it to [pools.NAME]"),
        (JOB + 'pool = "databse"\n' + POOLS, 'pool: "databse" is no pool here; write "database"'),
        (JOB + 'pool = "x"\n' + POOLS, '"x" is no pool here; write [pools.x] with size = 2'),
        (JOB + "poolSlots = 3", 'is no key here; did you mean "slots"?'),
        ("[limits]\nscope = 'node'", "scope: is no key here; move it to [jobs.NAME]"),
        (JOB + "pool = 3", "3 is no pool's name; write it like"),
        (JOB + "slots = 2", "jobs.a.slots: needs a pool; write pool ="),
        (
            JOB + 'pool = "database"\nslots = 3\n' + POOLS,
            "jobs.a.slots: asks for 3 slots of pool database, which has 2: the job could never run;"
            " write slots = 2 or less, or make the pool larger",
        ),
        (JOB + 'pool = "database"\nslots = 0\n' + POOLS, "0 is too small; write 1 or more"),
        (JOB + 'scope = "clster"', '"clster" is not allowed; write "cluster" (one of'),
        (JOB + 'nodes = "app1"', '"app1" is no list; write it like ["a", "b"]'),
        (JOB + 'nodes = ["my app"]', 'nodes[0]: "my app" is no name; write "my-app"'),
        (
            POSTGRES + POOLS + JOB + 'scope = "node"\npool = "database"',
            'jobs.a.scope: has scope "node" and pool database, whose slots the cluster shares;'
            ' write scope = "node" in [pools.database], or scope = "cluster" here',
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_mend(
    complaints: Complaints, text: str, complaint: str
) -> None:
    (said,) = complaints(text)
    assert complaint in said


def test_a_job_that_names_a_wrong_pool_is_not_blamed_for_it(complaints: Complaints) -> None:
    (said,) = complaints(f'[pools.database]\nsize = 0\n{JOB}pool = "database"\nslots = 9')
    assert "pools.database.size" in said


def test_what_only_the_defaults_say_is_told_once(complaints: Complaints) -> None:
    said = complaints(f'{POOLS}[defaults]\npool = "database"\nslots = 3\n{JOB}')
    assert [line.split(": ")[1] for line in said] == ["defaults.slots"]


def test_a_pool_too_small_for_the_defaults_slots_is_told_at_the_job(
    complaints: Complaints,
) -> None:
    (said,) = complaints(f'{POOLS}[defaults]\nslots = 2\n{JOB}pool = "disk"')
    assert "jobs.a.pool: asks for 2 slots of pool disk, which has 1: the job could" in said


def test_one_node_is_its_whole_cluster(loaded: Load) -> None:
    """With SQLite, a configuration for a cluster runs as it is."""
    job = loaded(f'{POOLS}{JOB}scope = "node"\npool = "database"').jobs["a"]
    assert job.pool == Pool("database", 2, Scope.CLUSTER)


def test_pools_may_stand_in_several_files_each_in_one(write: Write) -> None:
    path = write('include = ["more.toml"]\n[pools.a]\nsize = 1')
    more = write("[pools.b]\nsize = 2", "more.toml")
    assert list(load(path).pools) == ["a", "b"]
    more.write_text("\n[pools.a]\nsize = 2")
    with pytest.raises(Exception, match=f"{more}:2: pools.a: is in {path}:2 too; rename or"):
        load(path)
