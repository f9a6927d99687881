"""The package goes: what runs is ended, and what it remembers stays until it is purged."""

from tests.vm.server import Afterwards

LEFT = "ls -d /var/lib/jobd /var/lib/jobd-supervisor /etc/jobd/jobd.toml 2>/dev/null || true"


def test_removing_keeps_what_it_remembers_and_purging_does_not(afterwards: Afterwards) -> None:
    server = afterwards.server
    server.run("apt-get remove -y -qq jobd", within_s=120)
    assert server.run("systemctl is-active jobd jobd-supervisor || true") == "inactive\ninactive"
    assert len(server.run(LEFT).splitlines()) == 3
    server.run("apt-get purge -y -qq jobd", within_s=120)
    assert server.run(LEFT) == ""
    # What somebody else put there is theirs.
    assert server.run("ls /etc/jobd/jobs.d") == "jobs.toml"
