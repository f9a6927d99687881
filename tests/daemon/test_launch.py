"""Launch: who, where, with what in the environment; and what cannot be resolved."""

import grp
import os
import pwd
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobd.core.claim import Trigger
from jobd.core.job import Command, Limits, Param, StepPatterns
from jobd.daemon import launch as module
from jobd.daemon.launch import LaunchError, launch, needs_lookup, read_env_file, resolve_identity
from jobd.daemon.run_params import judged_params
from jobd.ports import Launch
from tests.daemon.fakes import job_of, run_of

OUTPUT = Path("/state/output/aa/aa11.1")
NOBODY = pwd.getpwnam("nobody")


def launched(run: Any = None, **keys: Any) -> Launch:
    run, job = run or run_of(), job_of(**keys)
    return launch(run, job, judged_params(run, job), OUTPUT)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "a.env"


def refusal_of(path: Path) -> str:
    with pytest.raises(LaunchError) as refused:
        read_env_file(path)
    return str(refused.value).replace(str(path), "FILE")


def test_the_environment_is_what_is_promised_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The contract lists these names; a variable of the daemon's own would be a leak."""
    monkeypatch.setenv("DAEMON_SECRET", "x")
    own = pwd.getpwuid(os.getuid())
    assert launched(timezone="Europe/Berlin").env == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": own.pw_dir,
        "USER": own.pw_name,
        "LOGNAME": own.pw_name,
        "SHELL": own.pw_shell,
        "LANG": "C.UTF-8",
        "TZ": "Europe/Berlin",
        "JOBD_JOB": "a",
        "JOBD_RUN_ID": "aa11",
        "JOBD_TICK": "2026-06-01T12:00:00Z",
        "JOBD_ATTEMPT": "1",
        "JOBD_NODE": "app1",
        "JOBD_TRIGGER": "schedule",
        "JOBD_FENCING_TOKEN": "7",
    }


def test_a_manual_run_has_no_tick_and_knows_its_parameters() -> None:
    run = run_of(
        fire_time=None, trigger=Trigger.MANUAL, attempt=2, params=(("order_id", "7"), ("dry", ""))
    )
    env = launched(run, params=(Param("order_id"), Param("dry"))).env
    names = ("JOBD_TICK", "JOBD_TRIGGER", "JOBD_ATTEMPT", "JOBD_PARAM_ORDER_ID", "JOBD_PARAM_DRY")
    assert [env[name] for name in names] == ["", "manual", "2", "7", ""]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((("day", "$(id)"),), "parameter day is not what a admits here"),
        ((("day", "7\0"),), "parameter day is not what a admits here"),
        ((("day", "7" * 8193),), "parameter day is not what a admits here"),
        ((("day", "7"), ("path", "/x")), "a parameter of the run is none of its job here"),
        ((), "parameter day is missing"),
    ],
)
def test_parameters_that_the_job_does_not_admit_reach_no_process(
    given: tuple[tuple[str, str], ...], words: str
) -> None:
    """A run that was taken over has them from the shared database, where others may write."""
    run = run_of(fire_time=None, trigger=Trigger.MANUAL, attempt=2, params=given)
    with pytest.raises(LaunchError, match=words):
        launched(run, params=(Param("day", "[0-9]+"),))


def test_parameters_are_judged_whatever_the_run_says_it_was_triggered_by() -> None:
    run = run_of(trigger=Trigger.SCHEDULE, params=(("day", "$(id)"),))
    with pytest.raises(LaunchError):
        launched(run, params=(Param("day", "[0-9]+"),))


def test_a_refused_parameter_is_not_shown() -> None:
    """Reasons are on pages for people who may not see parameters."""
    run = run_of(trigger=Trigger.MANUAL, params=(("day", "hunter2"),))
    with pytest.raises(LaunchError) as refused:
        launched(run, params=(Param("day", "[0-9]+"),))
    assert "hunter2" not in str(refused.value)


def test_a_tick_has_no_parameters_and_none_is_missed() -> None:
    assert "JOBD_PARAM_DAY" not in launched(params=(Param("day", "[0-9]+"),)).env


def test_a_job_s_own_keys_outrank_its_file_and_its_file_the_basics(env_file: Path) -> None:
    env_file.write_text("LANG=de_DE.UTF-8\nBOTH=file\n")
    env = launched(env_file=str(env_file), env=(("BOTH", "key"), ("TZ", "Asia/Tokyo"))).env
    assert (env["LANG"], env["BOTH"], env["TZ"]) == ("de_DE.UTF-8", "key", "Asia/Tokyo")


def test_no_file_can_forge_what_jobd_says_about_the_run(env_file: Path) -> None:
    """A job checks its fencing token against a database: it must be the real one."""
    env_file.write_text("JOBD_FENCING_TOKEN=999\n")
    assert launched(env_file=str(env_file)).env["JOBD_FENCING_TOKEN"] == "7"


def test_everything_of_the_job_is_handed_over() -> None:
    limits = Limits(1 << 20, 1 << 19, 0.5, 10, 20, 30, 5, 500)
    made = launched(
        argv=("sleep", "1"), cwd="/tmp", umask=0o077, stdin="/dev/zero", limits=limits,
        timeout=timedelta(minutes=1), stop_signal=2, kill_after=timedelta(seconds=3),
        output_max_bytes=99, watchdog=timedelta(seconds=9),
        steps=StepPatterns("(?P<step>x)", "y"),
    )  # fmt: skip
    assert made == Launch(
        run_of(), ("sleep", "1"), made.env, "/tmp", str(OUTPUT), 99, 2, 3.0, None, None, (),
        0o077, "/dev/zero", 60.0, None, 1 << 20, 1 << 19, 0.5, 10, 20, 30, 5, 500, 9.0,
        ("(?P<step>x)", "y"),
    )  # fmt: skip


def test_what_is_not_stated_is_left_to_the_machine() -> None:
    made = launched()
    assert (made.uid, made.gid, made.groups, made.umask) == (None, None, (), 0o022)
    assert (made.timeout_s, made.memory_max_bytes, made.stdin) == (None, None, None)


def test_without_a_cwd_a_job_starts_in_its_user_s_home() -> None:
    assert launched(user="root").cwd == pwd.getpwnam("root").pw_dir


def test_a_user_without_a_home_starts_in_the_root() -> None:
    """Debian's nobody; cron does the same."""
    assert not Path(NOBODY.pw_dir).exists()
    assert launched(user="nobody").cwd == "/"


def test_a_user_brings_group_home_shell_and_names() -> None:
    made = launched(user="nobody")
    assert (made.uid, made.gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert [made.env[name] for name in ("USER", "LOGNAME", "HOME", "SHELL")] == [
        "nobody",
        "nobody",
        NOBODY.pw_dir,
        NOBODY.pw_shell,
    ]


@pytest.mark.parametrize("user", ["nobody", str(NOBODY.pw_uid)])
def test_a_user_may_be_named_by_number(user: str) -> None:
    assert resolve_identity(user, None).name == "nobody"


def test_supplementary_groups_are_those_that_a_login_would_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked as initgroups(3) does: a directory over the network may list no groups at all."""
    asked = []

    def groups_of(name: str, gid: int) -> list[int]:
        asked.append((name, gid))
        return [gid, 4242, 27]

    monkeypatch.setattr(os, "getgrouplist", groups_of)
    assert resolve_identity("nobody", None).groups == tuple(sorted([NOBODY.pw_gid, 27, 4242]))
    assert asked == [("nobody", NOBODY.pw_gid)]


@pytest.mark.parametrize("group", ["daemon", str(grp.getgrnam("daemon").gr_gid)])
def test_a_group_replaces_the_user_s_own(group: str) -> None:
    identity = resolve_identity("nobody", group)
    gid = grp.getgrnam("daemon").gr_gid
    assert (identity.gid, gid in identity.groups) == (gid, True)


def test_a_group_alone_leaves_the_user() -> None:
    identity = resolve_identity(None, "daemon")
    assert (identity.uid, identity.gid) == (os.getuid(), grp.getgrnam("daemon").gr_gid)


@pytest.mark.parametrize(
    ("user", "group", "words"),
    [
        ("no-such-user", None, "no user no-such-user on this machine; create it or change user"),
        ("4242424242", None, "no user 4242424242 on this machine; create it or change user"),
        (None, "no-such-group", "no group no-such-group on this machine; create it or change"),
        ("nobody", "no-such-group", "no group no-such-group"),
    ],
)
def test_an_account_that_does_not_exist_is_told(
    user: str | None, group: str | None, words: str
) -> None:
    with pytest.raises(LaunchError, match=words):
        resolve_identity(user, group)


def test_a_daemon_whose_user_has_no_entry_still_runs_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers often run under a lone number."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(module.pwd, "getpwuid", unknown)
    module._own_entry.cache_clear()
    try:
        made = launched()
    finally:
        module._own_entry.cache_clear()
    assert (made.cwd, made.env["USER"], made.env["SHELL"]) == ("/", str(os.getuid()), "/bin/sh")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1", {"A": "1"}),
        ("# no\n; no\n\n   \n  # no\nA=1\n", {"A": "1"}),
        ("  A = 1  \n", {"A": "1"}),
        ("A=\n", {"A": ""}),
        ("A=b=c\n", {"A": "b=c"}),
        ("A='it is'\nB=\"it's\"\n", {"A": "it is", "B": "it's"}),
        ("A='\nB=''\nC='x\"\n", {"A": "'", "B": "", "C": "'x\""}),
        ("A=x # y\n", {"A": "x # y"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=ü\n", {"A": "ü"}),
        ("A=x\u2028y\x0cz\n", {"A": "x\u2028y\x0cz"}),
    ],
)
def test_an_env_file_is_read_as_systemd_reads_it(
    env_file: Path, text: str, pairs: dict[str, str]
) -> None:
    env_file.write_text(text, encoding="utf-8", newline="")
    assert read_env_file(env_file) == pairs


@pytest.mark.parametrize("line", ["hunter2", "=hunter2", "export A=hunter2", "1A=hunter2",
    "A B=hunter2", "A=hunter2\0"])  # fmt: skip
def test_a_line_that_is_no_assignment_is_named_but_not_repeated(env_file: Path, line: str) -> None:
    """The reason of a start_error reaches log, history and pages; the file holds secrets."""
    env_file.write_text(f"A=1\n\n{line}\n")
    assert refusal_of(env_file) == "env_file FILE:3: is no assignment; write KEY=value"


def test_an_env_file_that_is_not_there_is_told(env_file: Path) -> None:
    assert refusal_of(env_file) == "env_file FILE cannot be read: No such file or directory"


def test_an_env_file_in_another_encoding_is_told(env_file: Path) -> None:
    env_file.write_bytes(b"A=\xfc\n")
    assert refusal_of(env_file) == "env_file FILE is not UTF-8 at byte 2"


def test_a_folder_is_no_env_file(tmp_path: Path) -> None:
    assert refusal_of(tmp_path).startswith("env_file FILE ")


def test_a_pipe_that_nobody_writes_to_holds_up_no_start(env_file: Path) -> None:
    os.mkfifo(env_file)
    assert refusal_of(env_file) == "env_file FILE is no file; name one"


def test_an_endless_env_file_is_refused() -> None:
    assert refusal_of(Path("/dev/zero")) == "env_file FILE is no file; name one"


def test_root_takes_no_variables_from_a_file_that_anyone_may_write(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LD_PRELOAD is a variable, too."""
    monkeypatch.setattr("jobd.daemon.launch.os.geteuid", lambda: 0)
    env_file.write_text("A=1")
    env_file.chmod(0o646)
    assert refusal_of(env_file) == "env_file FILE may be written by anyone; chmod o-w it"


def test_an_env_file_larger_than_any_exec_takes_is_refused(env_file: Path) -> None:
    env_file.write_text("A=" + "x" * (1 << 20))
    assert refusal_of(env_file) == "env_file FILE is larger than 1 MiB"


@pytest.mark.parametrize(
    ("keys", "is_slow"),
    [({}, False), ({"user": "x"}, True), ({"group": "x"}, True), ({"env_file": "/x"}, True)],
)
def test_what_must_be_looked_up_is_known_beforehand(keys: dict[str, str], is_slow: bool) -> None:
    assert needs_lookup(Command(("true",), **keys)) is is_slow
