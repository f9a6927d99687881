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
