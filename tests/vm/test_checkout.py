"""jobd as the README installs it from a checkout, on Debian 12 with its systemd and cgroup v2."""

import pytest

from tests.vm.server import Server


@pytest.mark.parametrize("unit", ["jobd", "jobd-supervisor"])
def test_a_unit_is_up_after_the_boot(unit: str, from_checkout: Server) -> None:
    """Type=notify: active means that it has said READY=1."""
    from_checkout.wait_until(f"systemctl is-active --quiet {unit}")
    assert from_checkout.property(unit, "Type") == "notify"
    assert from_checkout.property(unit, "NRestarts") == "0"


def test_it_runs_jobs_under_cgroup_v2(from_checkout: Server) -> None:
    from_checkout.wait_until("jobd ctl status")
    by = from_checkout.ctl("status")["enforcement"]
    assert {by[what] for what in ("tree", "memory", "cpu", "pids", "io")} == {"cgroup v2"}, by
