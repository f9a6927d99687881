"""``jobd run``: what keeps it from starting is told in words, with the right exit status."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

import jobd.cli.run as module
from jobd.cli.main import main
from jobd.daemon.lifecycle import Daemon
from jobd.daemon.systemd import Notifier
from jobd.errors import JobdError, StateError, StoreUnavailable
from jobd.store.lock import StateLock
from tests.daemon.fakes import FakeSupervisor

JOB = '[jobs.a]\ncommand = "true"\ntimeout = "1m"\nmemory_max = "64M"\n'
Run = Callable[..., tuple[object, str]]


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Put back what ``jobd run`` sets for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> FakeSupervisor:
    """Hold no real children."""
    fake = FakeSupervisor()
    monkeypatch.setattr(module, "SupervisorClient", lambda *_, **__: fake)
    return fake


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a configuration in the current folder; return exit status and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(text: str = JOB, *options: str, **daemon: str) -> tuple[object, str]:
        keys = {"node": "app1", "state_dir": "state", "socket": "s", "http": "", **daemon}
        head = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        Path("jobd.toml").write_text(f"[daemon]\n{head}{text}")
        with pytest.raises(SystemExit) as left:
            main(["run", "-c", "jobd.toml", *options])
        err = capsys.readouterr().err
        assert "Traceback" not in err
        return left.value.code, "".join(f"{line}\n" for line in err.splitlines() if line[0] != "{")

    return run


@pytest.fixture
def stops_when_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send SIGTERM as soon as READY is said."""
    monkeypatch.setattr(Notifier, "ready", lambda *_: os.kill(os.getpid(), signal.SIGTERM))


@pytest.mark.usefixtures("stops_when_ready")
def test_a_clean_stop_is_0(run: Run, supervisor: FakeSupervisor) -> None:
    assert run() == (0, "")
    assert supervisor.parted == "shutdown"


@pytest.mark.usefixtures("stops_when_ready")
def test_a_supervisor_that_is_a_service_is_left_alone(run: Run, supervisor: FakeSupervisor) -> None:
    assert run(JOB, "--supervisor", "/run/jobd/supervisor.sock") == (0, "")
    assert supervisor.parted == "release"


def test_each_error_of_a_configuration_has_a_line_of_its_own(run: Run) -> None:
    """As compilers write them: editors jump to the place."""
    assert run('[jobs.a]\ncommand = "x"\ntimeout = "5 min"\nnice = 99\n') == (
        78,
        'jobd.toml:8: jobs.a.timeout: "5 min" is no duration; write "5m"\n'
        "jobd.toml:9: jobs.a.nice: 99 is too large; write 19 or less\n",
    )


def test_a_configuration_that_is_not_there_is_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["run", "-c", str(tmp_path / "none.toml")])
    assert left.value.code == 78
    assert "none.toml: does not exist" in capsys.readouterr().err


def test_a_socket_path_that_is_too_long_is_78(run: Run) -> None:
    status, err = run(socket="/" + "x" * 107)
    assert (status, "of which a socket's path may have 107" in err) == (78, True)


def test_a_state_directory_that_is_held_is_73_and_says_by_whom(run: Run, tmp_path: Path) -> None:
    lock = StateLock(tmp_path / "state", "app0")
    lock.take()
    try:
        status, err = run()
    finally:
        lock.release()
    who = f"jobd: state directory {tmp_path}/state is held by jobd on app0, pid {os.getpid()}"
    assert (status, err.startswith(who)) == (73, True)


def test_a_state_directory_that_is_none_is_73(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert run() == (
        73,
        f"jobd: state directory {tmp_path}/state is no directory; "
        "give daemon.state_dir a directory that the daemon's user may write to\n",
    )


def test_a_damaged_store_is_73(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/jobd.db").write_bytes(b"garbage " * 1000)
    status, err = run()
    assert (status, err.startswith(f"jobd: {tmp_path}/state/jobd.db is")) == (73, True)


@pytest.mark.usefixtures("supervisor", "stops_when_ready")
def test_a_daemon_that_may_not_migrate_is_73_until_jobd_migrate_was_run(
    run: Run, tmp_path: Path
) -> None:
    """The contract of ``store.migrate = false``; the first command is that of the message."""
    text = f"[store]\nmigrate = false\n{JOB}"
    words = "does not exist, and store.migrate is false; run `jobd migrate` first"
    assert run(text) == (73, f"jobd: {tmp_path}/state/jobd.db {words}\n")
    with pytest.raises(SystemExit) as left:
        main(["migrate", "-c", "jobd.toml"])
    assert (left.value.code, run(text)) == (0, (0, ""))


def test_a_supervisor_that_is_not_there_is_71_and_says_how_to_start_it(
    run: Run, tmp_path: Path
) -> None:
    assert run(JOB, "--supervisor", "none.sock") == (
        71,
        f"jobd: no supervisor answers at {tmp_path}/none.sock: No such file or directory; "
        "start it first (systemctl start jobd-supervisor)\n",
    )


@pytest.mark.usefixtures("supervisor")
def test_a_port_that_is_taken_is_78_and_names_the_key(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "127.0.0.1:{1}".format(*server.getsockname())
        status, err = run(http=address)
    assert status == 78
    assert err.startswith(f"jobd: daemon.http: cannot listen on {address}: Address already in use")


@pytest.mark.usefixtures("supervisor")
def test_a_file_in_the_socket_s_place_is_78(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    status, err = run()
    assert (status, err) == (
        78,
        f"jobd: daemon.socket: {tmp_path}/s exists and is no socket; name another path\n",
    )


@pytest.mark.usefixtures("supervisor")
def test_another_daemon_at_the_socket_is_73(run: Run, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        status, err = run()
    assert (status, err) == (
        73,
        f"jobd: daemon.socket: another daemon listens on {tmp_path}/s; stop it first\n",
    )


@pytest.mark.usefixtures("supervisor")
@pytest.mark.parametrize(
    ("error", "status"), [(StateError("it is damaged"), 73), (StoreUnavailable("it is full"), 69)]
)
def test_what_jobd_can_explain_is_told_wherever_it_arose(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: JobdError, status: int
) -> None:
    """Damage that is met in the middle of the work comes out of a group of tasks."""

    async def fail(daemon: Daemon) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("more tasks", [error])])

    monkeypatch.setattr(Daemon, "run", fail)
    assert run() == (status, f"jobd: {error}\n")


@pytest.mark.usefixtures("supervisor")
def test_a_defect_is_not_explained_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside it an error that we know is a consequence at best."""

    async def fail(daemon: Daemon) -> None:
        raise ExceptionGroup("tasks", [StateError("known"), ZeroDivisionError("a defect")])

    monkeypatch.setattr(Daemon, "run", fail)
    with pytest.raises(ExceptionGroup, match="tasks"):
        run()
