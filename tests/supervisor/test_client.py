"""The daemon's side, where it differs from what the other tests show."""

import os
from pathlib import Path
from typing import Any

import pytest

from jobd.errors import SupervisorError
from jobd.supervisor.client import SupervisorClient


async def test_a_supervisor_of_systemd_s_is_not_started_by_us(directory: Path) -> None:
    client = SupervisorClient(directory, socket=directory / "no.sock", owned=False)
    with pytest.raises(SupervisorError, match="systemctl start jobd-supervisor"):
        await client.connect()


async def test_without_a_connection_every_wish_says_so(directory: Path) -> None:
    client = SupervisorClient(directory, socket=directory / "no.sock", owned=True)
    with pytest.raises(SupervisorError, match="not connected"):
        await client.stop("run", "cancel")
    await client.release()
    await client.shutdown()


async def test_a_path_longer_than_the_kernel_s_limit_is_no_limit(ward: Any) -> None:
    """sockaddr_un has 108 bytes; state directories in home directories have more."""
    deep = ward.directory / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    ward.socket = deep / "supervisor.sock"
    await ward.open()
    assert (await ward.run(ward.shell("run", "exit 3"))).exit.exit_code == 3


async def test_a_state_directory_that_cannot_be_used_is_explained(directory: Path) -> None:
    client = SupervisorClient(directory / "gone", socket=directory / "s.sock", owned=True)
    with pytest.raises(SupervisorError, match="cannot be started"):
        await client.connect()


async def test_an_order_too_long_for_any_system_is_refused_here(open_ward: Any) -> None:
    launch = open_ward.launch("huge", "/bin/true", "x" * (20 << 20))
    assert "more than any system takes" in await open_ward.refusal(launch)
    assert (await open_ward.run(open_ward.shell("after", "exit 0"))).exit.exit_code == 0


async def test_a_thousand_orders_in_one_go(open_ward: Any) -> None:
    runs = [open_ward.launch(f"run-{n}", "/bin/true") for n in range(1000)]
    await open_ward.client.start(runs)
    for launch in runs:
        assert (await open_ward.end(launch.run.run_id)).exit.exit_code == 0


async def test_the_supervisor_survives_the_session_of_its_starter(open_ward: Any) -> None:
    assert os.getsid(open_ward.supervisor_pid) == open_ward.supervisor_pid


async def test_the_renewals_of_a_thousand_runs_are_one_write(open_ward: Any) -> None:
    written = _writes(open_ward)
    await open_ward.client.extend({f"run-{n}": 1e6 for n in range(1000)})
    await open_ward.client.extend({})
    assert len(written) == 1
    assert written[0].count(b"\n") == 1, "nor are they a stampede of orders"


async def test_an_older_supervisor_gets_no_run_that_it_would_not_end(open_ward: Any) -> None:
    """It does not know the instant in the order, and would not be told if we died now."""
    open_ward.client._session.knows_leases = False
    reason = await open_ward.refusal(open_ward.shell("leased", "exit 0", until_steady_s=1e9))
    assert "older than this daemon" in reason
    assert (await open_ward.run(open_ward.shell("free", "exit 3"))).exit.exit_code == 3


async def test_an_older_supervisor_gets_no_run_whose_silence_it_would_not_hear(
    open_ward: Any,
) -> None:
    open_ward.client._session.knows_watchdogs = False
    reason = await open_ward.refusal(open_ward.shell("run", "exit 0", watchdog_s=5.0))
    assert "older than this daemon and would not end it by its watchdog; restart" in reason
    assert (await open_ward.run(open_ward.shell("unwatched", "exit 0"))).exit.exit_code == 0


async def test_renewals_in_an_older_daemon_s_words_are_understood(open_ward: Any) -> None:
    open_ward.client._session.knows_leases = False
    await open_ward.start(*(open_ward.shell(name, "sleep 600") for name in "ab"))
    written = _writes(open_ward)
    await open_ward.client.extend({"a": 0.0, "b": 0.0})
    assert len(written) == 1
    for name in "ab":
        assert (await open_ward.end(name)).exit.stop_cause == "trust"


def _writes(ward: Any) -> list[bytes]:
    """Return a list that grows by what the client writes from now on."""
    written: list[bytes] = []
    session = ward.client._session
    send = session.send

    async def note(data: bytes) -> None:
        written.append(data)
        await send(data)

    session.send = note
    return written
