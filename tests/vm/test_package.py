"""The Debian package: installed and upgraded by apt, under the systemd of Debian 12."""

import pytest

from tests.vm.server import APT, Server


@pytest.mark.parametrize("unit", ["jobd", "jobd-supervisor"])
def test_installing_the_package_starts_and_enables_its_units(unit: str, server: Server) -> None:
    assert server.run(f"systemctl is-active {unit}; systemctl is-enabled {unit}") == (
        "active\nenabled"
    )


def test_the_programs_that_run_are_the_package_s(server: Server) -> None:
    """Not what was installed before, from elsewhere."""
    for unit in ("jobd", "jobd-supervisor"):
        command = server.run(f"tr '\\0' ' ' < /proc/{server.main_pid(unit)}/cmdline")
        assert command.startswith("/usr/lib/jobd/bin/python"), command


def test_an_upgrade_leaves_running_jobs_alone(server: Server) -> None:
    """It is the reason for two processes: the new daemon takes over what the supervisor holds."""
    run_id = server.start("steady")
    server.wait_for_beats()
    daemon, supervisor = server.main_pid("jobd"), server.main_pid("jobd-supervisor")
    server.run(f"{APT} /srv/cargo/next.deb", within_s=240)
    server.wait_for_beats()
    assert server.main_pid("jobd") != daemon
    assert server.main_pid("jobd-supervisor") == supervisor
    assert server.ctl("status")["version"].startswith("99.")
    assert set(server.beats()) == {run_id}
    assert run_id in server.active()


def test_an_upgrade_keeps_the_configuration_that_somebody_wrote(server: Server) -> None:
    """A conffile, and not one that an upgrade may ask about."""
    assert server.run("dpkg-query -W -f '${Conffiles}' jobd").split()[0] == "/etc/jobd/jobd.toml"
    assert server.run("ls /etc/jobd/jobs.d") == "jobs.toml"
