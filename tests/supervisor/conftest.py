"""Real supervisors with real children, each in a state directory of its own."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.events import AttemptEnded, RunNotStarted, RunStarted
from jobd.ports import Launch, Report
from jobd.supervisor.cgroup import find_hierarchies
from jobd.supervisor.client import SupervisorClient
from jobd.supervisor.output import read_slice

PATIENCE_S = 60.0
_PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Ward:
    """A daemon's view of one supervisor: starts runs and waits for what becomes of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "supervisor.sock"
        self.client = self.new_client()
        self.reports: list[Report] = []
        self.supervisor_pid = 0
        self.pids: set[int] = set()
        self._identity = f"{directory.stat().st_dev:x}-{directory.stat().st_ino:x}"
        self._news = asyncio.Condition()
        self._pump: asyncio.Task[None] | None = None

    def new_client(self, *options: str, owned: bool = True) -> SupervisorClient:
        return SupervisorClient(self.directory, socket=self.socket, owned=owned, options=options)

    async def open(self, *options: str) -> Any:
        self.client = self.new_client(*options)
        return await self.adopt()

    async def adopt(self) -> Any:
        """Connect the client; return what the supervisor holds."""
        held = await self.client.connect()
        self.supervisor_pid = int((self.directory / "supervisor.lock").read_text())
        self.pids.add(self.supervisor_pid)
        self._pump = asyncio.create_task(self._listen(self.client))
        return held

    def launch(self, run_id: str, *argv: str, **changes: Any) -> Launch:
        run = ActiveRun(
            run_id=run_id,
            job="a-job",
            node="a-node",
            token=7,
            fire_time=datetime(2025, 3, 30, 1, 0, tzinfo=UTC),
            trigger=Trigger.SCHEDULE,
            claimed_at=datetime(2025, 3, 30, 1, 0, 1, tzinfo=UTC),
            attempt=changes.pop("attempt", 1),
            params=(("name", "value"),),
        )
        defaults: dict[str, Any] = {
            "env": {"PATH": _PATH},
            "cwd": "/",
            "output": str(self.output_path(run_id)),
            "output_max_bytes": 1 << 20,
            "stop_signal": signal.SIGTERM,
            "kill_after_s": 0.3,
        }
        return Launch(run=run, argv=argv, **{**defaults, **changes})

    def python(self, run_id: str, program: str, **changes: Any) -> Launch:
        return self.launch(run_id, sys.executable, "-S", "-c", program, **changes)

    def shell(self, run_id: str, script: str, **changes: Any) -> Launch:
        return self.launch(run_id, "/bin/sh", "-c", script, **changes)

    async def start(self, *launches: Launch) -> None:
        """Start runs and wait until every one of them has executed its program."""
        await self.client.start(launches)
        for launch in launches:
            await self.report(RunStarted, launch.run.run_id)

    async def end(self, run_id: str) -> AttemptEnded:
        return await self.report(AttemptEnded, run_id)

    async def run(self, launch: Launch) -> AttemptEnded:
        await self.start(launch)
        return await self.end(launch.run.run_id)

    async def refusal(self, launch: Launch) -> str:
        """Return why a run could not be started."""
        await self.client.start([launch])
        reason: str = (await self.report(RunNotStarted, launch.run.run_id)).reason
        return reason

    async def report(self, kind: type, run_id: str) -> Any:
        def find() -> Report | None:
            return next(
                (r for r in self.reports if isinstance(r, kind) and r.run_id == run_id), None
            )

        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: find() is not None)
        return find()

    def output_path(self, run_id: str) -> Path:
        return self.directory / "output" / f"{run_id}.1"

    def output(self, run_id: str) -> bytes:
        kept, offset = b"", 0
        while True:
            data, offset, _ = read_slice(str(self.output_path(run_id)), offset, 1 << 20)
            if not data:
                return kept
            kept += data

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait for a condition of the world, bounded; return its value."""
        deadline = time.monotonic() + PATIENCE_S
        while not (value := holds()):
            assert time.monotonic() < deadline, f"waited in vain: {what}"
            await asyncio.sleep(0.01)  # the pause of the poll, which PATIENCE_S bounds
        return value

    async def file(self, name: str) -> str:
        """Wait until a child has written a line to a file of the ward; return it."""
        path = self.directory / name
        text: str = await self.until(
            lambda: path.exists() and path.read_text().endswith("\n") and path.read_text(), name
        )
        return text.strip()

    async def drop(self) -> None:
        """Break the connection as the death of a daemon does."""
        await self._stop_listening()
        session = self.client._session
        if session is not None and session._transport is not None:
            session._transport.abort()
            await session.wait_closed()

    async def close(self) -> None:
        await self._stop_listening()
        for pid in self.pids:
            if is_alive(pid):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
                os.kill(pid, signal.SIGTERM)
        for pid in self.pids:
            await self.until(lambda pid=pid: not is_alive(pid), f"end of supervisor {pid}")
        await self.until(lambda: not groups_of(self._identity), "groups removed")

    async def _stop_listening(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    async def _listen(self, client: SupervisorClient) -> None:
        async for report in client.reports():
            async with self._news:
                self.reports.append(report)
                self._news.notify_all()


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie; collects it if it is a dead child of ours."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def groups_of(identity: str) -> list[Path]:
    """Return the cgroup directories that the supervisors of a state directory have left."""
    return [p for own in _own_groups() for p in own.glob(f"jobd-runs.{identity}-*")]


def _own_groups() -> list[Path]:
    hierarchies = find_hierarchies()
    own = [*hierarchies.v1.values()] + ([hierarchies.v2] if hierarchies.v2 else [])
    return [Path(directory) for directory in own]


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user may enter, for children that run as another one."""
    with tempfile.TemporaryDirectory(prefix="jobd-test-", ignore_cleanup_errors=True) as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.fixture
async def ward(directory: Path) -> AsyncIterator[Ward]:
    """A ward whose supervisor the test opens with the options that it wants."""
    ward = Ward(directory)
    try:
        yield ward
    finally:
        await ward.close()


@pytest.fixture(params=["cgroup2", "cgroup1", "none"])
async def any_ward(request: pytest.FixtureRequest, ward: Ward) -> Ward:
    """An open ward, once for each way of holding a process tree."""
    await ward.open("--tree", request.param)
    return ward


@pytest.fixture
async def open_ward(ward: Ward) -> Ward:
    """An open ward with the best means of this machine."""
    await ward.open()
    return ward


@pytest.fixture
def alive() -> Callable[[int], bool]:
    return is_alive
