"""From files to jobs: what a good configuration means."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from jobd.config import machine
from jobd.config.load import load
from jobd.config.model import Config, HttpAddress
from jobd.config.problem import ConfigErrors
from jobd.core.job import Catchup, Job, Limits, Overlap, Pool, Retries, Scope, StepPatterns
from jobd.core.outcome import Outcome
from jobd.core.schedule import AfterSchedule, CronSchedule, EverySchedule

Load = Callable[[str], Config]
Write = Callable[..., Path]

COMMAND = 'command = ["/bin/true"]\n'


def job_of(loaded: Load, keys: str, before: str = "") -> Job:
    return loaded(f"{before}\n[jobs.a]\n{keys}").jobs["a"]


def test_an_empty_file_has_every_default(loaded: Load) -> None:
    config = loaded("")
    assert config.daemon.node == os.uname().nodename
    assert config.daemon.timezone == "UTC"
    assert config.daemon.state_dir == Path("/var/lib/jobd")
    assert config.daemon.socket == Path("/run/jobd/jobd.sock")
    assert config.daemon.http == HttpAddress("127.0.0.1", 9746)
    assert config.daemon.shutdown_grace == timedelta(seconds=30)
    assert config.store.url == "sqlite"
    assert config.store.lease_ttl == timedelta(seconds=60)
    assert config.store.keep_runs == timedelta(days=30)
    assert config.store.keep_runs_per_job == 1000
    assert config.store.migrate
    assert (config.limits.max_running, config.limits.max_waiting) == (16, 200)
    assert config.limits.memory_budget_bytes == int(0.6 * machine.memory_bytes())
    assert config.limits.pressure == {"memory": 20.0, "io": 60.0, "store": 2.0}
    assert (config.jobs, config.pools) == ({}, {})


def test_a_job_of_a_command_alone_has_every_default(loaded: Load) -> None:
    job = job_of(loaded, COMMAND)
    default = Job("a", job.command, provenance=job.provenance)
    assert job == default


def test_what_is_written_is_what_holds(loaded: Load) -> None:
    config = loaded(
        """
        [daemon]
        node = "app1"
        labels = ["app", "eu-west"]
        http = "[::1]:80"
        shutdown_grace = "0s"
        [store]
        keep_runs = "7d"
        migrate = false
        [limits]
        max_running = 3
        max_waiting = 0
        memory_budget = "3G"
        pressure = { memory = 10, cpu = 90, store = "0.5s" }
        """
    )
    assert (config.daemon.node, config.daemon.labels) == ("app1", ("app", "eu-west"))
    assert config.daemon.http == HttpAddress("::1", 80)
    assert config.daemon.shutdown_grace == timedelta(0)
    assert (config.store.keep_runs, config.store.migrate) == (timedelta(days=7), False)
    assert (config.limits.max_running, config.limits.max_waiting) == (3, 0)
    assert config.limits.memory_budget_bytes == 3 << 30
    assert config.limits.pressure == {"memory": 10.0, "io": 60.0, "cpu": 90.0, "store": 0.5}


def test_an_empty_http_turns_it_off(loaded: Load) -> None:
    assert loaded('[daemon]\nhttp = ""').daemon.http is None


def test_every_key_of_a_job_arrives(loaded: Load) -> None:
    job = job_of(
        loaded,
        """
command = "find /tmp -name '* x'"
schedule = "30 2 * * *"
timezone = "Europe/Berlin"
dst = { gap = "skip", fold = "both" }
jitter = "5m"
jitter_mode = "fixed"
overlap = "allow"
max_instances = 3
max_duty = 0.5
timeout = "1h"
watchdog = "90s"
stop_signal = "SIGINT"
kill_after = "3s"
memory_max = "512M"
memory_high = "256M"
cpu_max = "50%"
cpu_weight = 200
io_weight = 10
pids_max = 50
nice = -5
oom_score_adj = 500
catchup = "all"
catchup_window = "2h"
start_deadline = "90s"
retries = { max = 3, delay = "1m", factor = 1.5, max_delay = "5m", jitter = 0.0, on = ["oom"] }
success_exit_codes = [0, 3]
failure_pattern = "^ERROR"
steps = { start = "^Running (?P<step>.*)", end = "^Completed" }
priority = 7
umask = "0077"
output_max = "64K"
env = { A = "1" }
params = { since = { pattern = "[0-9]+", default = "7" } }
enabled = false
description = "d"
owner = "o"
runbook = "r"
tags = ["t"]
scope = "cluster"
nodes = ["app1", "eu-west"]
pool = "database"
slots = 2
""",
        before="[pools.database]\nsize = 2",
    )
    assert job.command.argv == ("find", "/tmp", "-name", "* x")
    assert isinstance(job.schedule, CronSchedule)
    assert (job.timezone, job.jitter, str(job.jitter_mode)) == (
        "Europe/Berlin",
        timedelta(minutes=5),
        "fixed",
    )
    assert (job.overlap, job.max_instances, job.max_duty) == (Overlap.ALLOW, 3, 0.5)
    assert (job.timeout, job.stop_signal, job.kill_after) == (
        timedelta(hours=1),
        2,
        timedelta(seconds=3),
    )
    assert job.steps == StepPatterns("^Running (?P<step>.*)", "^Completed")
    assert job.watchdog == timedelta(seconds=90)
    assert job.limits == Limits(512 << 20, 256 << 20, 0.5, 200, 10, 50, -5, 500)
    assert (job.catchup, job.catchup_window) == (Catchup.ALL, timedelta(hours=2))
    assert job.start_deadline == timedelta(seconds=90)
    assert job.retries == Retries(
        3, timedelta(minutes=1), 1.5, timedelta(minutes=5), 0.0, frozenset({Outcome.OOM})
    )
    assert job.success_exit_codes == {0, 3}
    assert (job.failure_pattern, job.priority, job.output_max_bytes) == ("^ERROR", 7, 64 << 10)
    assert (job.command.umask, job.command.env) == (0o077, (("A", "1"),))
    assert [(p.name, p.pattern, p.default) for p in job.params] == [("since", "[0-9]+", "7")]
    assert not job.enabled
    assert (job.about.description, job.about.owner, job.about.runbook) == ("d", "o", "r")
    assert job.about.tags == ("t",)
    assert (job.scope, job.nodes) == (Scope.CLUSTER, ("app1", "eu-west"))
    assert (job.pool, job.slots) == (Pool("database", 2), 2)


def test_every_and_after_are_schedules_of_their_own(loaded: Load) -> None:
    assert isinstance(job_of(loaded, COMMAND + 'every = "15m"').schedule, EverySchedule)
    assert isinstance(job_of(loaded, COMMAND + 'after = "15m"').schedule, AfterSchedule)
    assert job_of(loaded, COMMAND).schedule is None


@pytest.mark.parametrize(
    ("written", "number"),
    [('"TERM"', 15), ('"sigint"', 2), ("9", 9), ('"RTMIN+3"', 37)],
)
def test_a_signal_is_a_name_or_a_number(loaded: Load, written: str, number: int) -> None:
    assert job_of(loaded, f"{COMMAND}stop_signal = {written}").stop_signal == number


@pytest.mark.parametrize(("written", "cores"), [('"50%"', 0.5), ('"200%"', 2.0), ("1.5", 1.5)])
def test_cpu_time_is_a_percentage_of_a_core_or_cores(
    loaded: Load, written: str, cores: float
) -> None:
    assert job_of(loaded, f"{COMMAND}cpu_max = {written}").limits.cpu_max == cores


def test_a_shell_gets_the_text_as_it_is(loaded: Load) -> None:
    job = job_of(loaded, "command = 'a | b \"c'\nshell = true")
    assert job.command.argv == ("/bin/sh", "-c", 'a | b "c')


def test_paths_start_at_the_folder_of_their_file(write: Write, tmp_path: Path) -> None:
    path = write(
        """
        include = ["jobs.d/*.toml"]
        [daemon]
        state_dir = "../state"
        socket = "run/jobd.sock"
        [defaults]
        cwd = "work"
        """
    )
    write('[jobs.a]\ncommand = "x"\nenv_file = "a.env"\nstdin = "/abs/in"', "jobs.d/a.toml")
    config = load(path)
    assert config.daemon.state_dir == tmp_path.parent / "state"
    assert config.daemon.socket == tmp_path / "run/jobd.sock"
    command = config.jobs["a"].command
    assert command.cwd == str(tmp_path / "work")
    assert command.env_file == str(tmp_path / "jobs.d/a.env")
    assert command.stdin == "/abs/in"


def test_defaults_hold_for_jobs_that_do_not_say_otherwise(loaded: Load) -> None:
    config = loaded(
        """
        [defaults]
        timeout = "1h"
        memory_max = "1G"
        [jobs.a]
        command = "x"
        [jobs.b]
        command = "x"
        timeout = "5m"
        """
    )
    assert config.jobs["a"].timeout == timedelta(hours=1)
    assert config.jobs["b"].timeout == timedelta(minutes=5)
    assert config.jobs["b"].limits.memory_max_bytes == 1 << 30


def test_a_job_knows_where_each_key_comes_from(write: Write) -> None:
    """``ctl show`` prints every effective limit with its origin: there are no hidden ceilings."""
    path = write(
        """\
        [defaults]
        timeout = "1h"
        nice = 5

        [jobs.a]
        command = "x"
        nice = 3
        """
    )
    origin = load(path).jobs["a"].provenance
    assert (origin.file, origin.line) == (str(path), 5)
    assert (origin.own, origin.inherited) == ({"command", "nice"}, {"timeout"})


@pytest.mark.parametrize(
    ("defaults", "own"),
    [
        ('schedule = "0 * * * *"', 'every = "5m"'),
        ('every = "1m"', 'after = "5m"'),
        ('after = "1m"', 'schedule = "0 * * * *"'),
        ('overlap = "allow"\nmax_instances = 3', 'overlap = "skip"'),
        ('jitter = "5m"', 'after = "1m"'),
    ],
)
def test_what_a_job_says_displaces_defaults_that_it_leaves_without_meaning(
    loaded: Load, defaults: str, own: str
) -> None:
    job = job_of(loaded, COMMAND + own, before=f"[defaults]\n{defaults}")
    assert not job.provenance.inherited & {"schedule", "every", "after", "max_instances", "jitter"}
    assert (job.max_instances, job.jitter) == (1, timedelta(0))


def test_a_list_is_executed_as_it_is_where_a_shell_is_only_the_default(loaded: Load) -> None:
    job = job_of(loaded, COMMAND, before="[defaults]\nshell = true")
    assert job.command.argv == ("/bin/true",)


def test_variables_of_defaults_and_job_are_joined(loaded: Load) -> None:
    job = job_of(loaded, COMMAND + 'env = { B = "2", C = "3" }', '[defaults.env]\nA="1"\nB="1"')
    assert dict(job.command.env) == {"A": "1", "B": "2", "C": "3"}


def test_a_delay_above_the_default_bound_raises_the_bound(loaded: Load) -> None:
    job = job_of(loaded, COMMAND + 'retries = { max = 1, delay = "1h" }')
    assert job.retries.max_delay == timedelta(hours=1)


def test_jobs_with_the_same_settings_share_them(loaded: Load) -> None:
    """Ten thousand jobs at rest have to fit into 150 MiB together with everything else."""
    keys = 'command = ["x"]\ntimeout = "5m"\nmemory_max = "64M"\nschedule = "0 * * * *"\n'
    jobs = loaded(f"[jobs.a]\n{keys}[jobs.b]\n{keys}").jobs
    a, b = jobs["a"], jobs["b"]
    assert a.limits is b.limits
    assert a.command is b.command
    assert a.retries is b.retries
    assert a.about is b.about
    assert a.timeout is b.timeout
    assert a.provenance.own is b.provenance.own


def test_ten_thousand_jobs_are_loaded(loaded: Load) -> None:
    text = "".join(
        f'[jobs.j{n}]\ncommand = ["/bin/true", "{n}"]\nschedule = "H * * * *"\n'
        for n in range(10_000)
    )
    config = loaded(text)
    assert len(config.jobs) == 10_000
    assert config.jobs["j9999"].provenance.line == 3 * 9999 + 1
    assert sys.getsizeof(config.jobs["j0"]) < 320


def test_a_time_zone_of_the_daemon_is_that_of_its_jobs(loaded: Load) -> None:
    job = job_of(loaded, COMMAND, before='[daemon]\ntimezone = "Asia/Tokyo"')
    assert job.timezone == "Asia/Tokyo"


def test_errors_are_config_errors_with_one_line_each(write: Write) -> None:
    path = write('[daemon]\nnode = 3\n[jobs.a]\ntimeout = "5 min"')
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    assert len(caught.value.problems) == 3
