"""What holds a run under cgroup v2 and systemd. The evidence is what the jobs wrote, and what the
kernel shows."""

import signal

from tests.vm.server import EVIDENCE, Server


def test_a_memory_ceiling_kills_only_its_own_job(server: Server) -> None:
    """The supervisor's unit has all jobs in it: OOMPolicy= must not take one for all."""
    server.cancel("steady")
    server.run(f"rm -f {EVIDENCE}/steady")
    steady = server.start("steady")
    server.wait_for_beats()
    supervisor = server.main_pid("jobd-supervisor")
    assert server.finish("hog")["outcome"] == "oom"
    server.wait_for_beats()
    assert set(server.beats()) == {steady}
    assert server.main_pid("jobd-supervisor") == supervisor
    server.cancel("steady")


def test_the_peak_that_is_noted_is_the_ceiling(server: Server) -> None:
    """memory.peak of the run's group, which the report reads trends from."""
    peak = server.finish("hog")["memory_peak_bytes"]
    assert 40 << 20 <= peak <= 48 << 20


def test_a_cancel_takes_what_left_its_session_and_its_parents(server: Server) -> None:
    """cgroup.kill: neither setsid nor a double fork nor an empty environment leads out."""
    run_id = server.start("forest")
    server.wait_until(f"[ -s {EVIDENCE}/forest.session ] && [ -s {EVIDENCE}/forest.orphan ]")
    server.run("jobd ctl cancel forest")
    assert server.ended("forest", run_id)["outcome"] == "canceled"
    # A second: whoever was left would have written its file anew ten times.
    server.run(f"rm {EVIDENCE}/forest.*; sleep 1")
    assert server.run(f"ls {EVIDENCE} | grep forest || true") == ""


def test_what_does_not_hear_its_signal_is_killed(server: Server) -> None:
    run_id = server.start("deaf")
    server.run("jobd ctl cancel deaf")
    run = server.ended("deaf", run_id)
    assert (run["outcome"], run["signal"]) == ("canceled", signal.SIGKILL)


def test_a_job_is_its_user_and_within_its_limits(server: Server) -> None:
    """Seen from inside, by its first instructions."""
    server.finish("somebody")
    assert server.run(f"cat {EVIDENCE}/somebody").splitlines() == [
        "user backup group backup groups backup",
        "nice 5 oom_score_adj 300",
        f"memory.max {64 << 20}",
        "memory.swap.max 0",
        "pids.max 20",
        "cpu.max 50000 100000",
        "cpu.weight 50",
        "io.weight default 70",
    ]


def test_pressure_is_read_from_the_kernel(server: Server) -> None:
    """Admission waits for it; a kernel without it would say so."""
    measured = server.ctl("status")["pressure_measured"]
    assert "io" in measured
    assert "memory" in measured
