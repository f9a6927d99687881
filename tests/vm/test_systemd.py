"""The two units under a real systemd: restart, watchdog, stop, and what confines them."""

import re
from pathlib import Path

import pytest

from tests.vm.server import EVIDENCE, Server

OPERATING = Path(__file__).parent.parent.parent / "docs" / "operating.md"


@pytest.fixture
def steady(server: Server) -> str:
    """Return the id of a run that beats."""
    server.cancel("steady")
    server.run(f"rm -f {EVIDENCE}/steady")
    run_id = server.start("steady")
    server.wait_for_beats()
    return run_id


def test_a_restart_of_the_daemon_keeps_running_jobs(server: Server, steady: str) -> None:
    daemon = server.main_pid("jobd")
    server.run("systemctl restart jobd")
    server.wait_for_beats()
    assert server.main_pid("jobd") != daemon
    assert set(server.beats()) == {steady}
    assert steady in server.active()


def test_a_daemon_that_stands_still_is_replaced_and_its_runs_go_on(
    server: Server, steady: str
) -> None:
    """A process that lives but decides nothing is worse than one that is gone: WatchdogSec=."""
    daemon = server.main_pid("jobd")
    server.run(f"kill -STOP {daemon}")
    server.wait_until('[ "$(systemctl show --value -p NRestarts jobd)" -ge 1 ]', within_s=90)
    server.wait_until("systemctl is-active --quiet jobd")
    server.wait_for_beats()
    assert server.main_pid("jobd") != daemon
    assert "watchdog" in server.run("journalctl --no-pager -u jobd").lower()
    assert set(server.beats()) == {steady}
    assert steady in server.active()


def test_stopping_both_units_ends_everything_cleanly(server: Server, steady: str) -> None:
    """No process of a job and no cgroup is left, and neither unit has failed."""
    server.run("systemctl stop jobd jobd-supervisor", within_s=60)
    results = [server.property(unit, "Result") for unit in ("jobd", "jobd-supervisor")]
    beats = len(server.beats())
    assert results == ["success", "success"]
    assert server.run("find /sys/fs/cgroup -name 'jobd*'") == ""
    # A second without a daemon: five beats of the job, if it still ran.
    server.run("sleep 1; systemctl start jobd-supervisor jobd")
    assert len(server.beats()) == beats
    assert server.ended("steady", steady)["outcome"] in {"canceled", "lost"}


@pytest.mark.parametrize("unit", ["jobd", "jobd-supervisor"])
def test_a_unit_is_confined_as_the_pages_say(unit: str, server: Server) -> None:
    """systemd's own measure, from 0 (locked up) to 10."""
    stated = re.search(
        rf"^\| `{unit}\.service` \| (\d+\.\d)", OPERATING.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert stated, "docs/operating.md does not say how far the unit is confined"
    told = server.run(f"systemd-analyze security --no-pager {unit}.service | tail -n 1", 120)
    measured = re.search(r"(\d+\.\d)", told)
    assert measured, told
    assert float(measured[1]) <= float(stated[1])
