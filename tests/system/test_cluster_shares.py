"""Three nodes that are well share the work: each tick once, on one of them."""

import time
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, mode

import pytest

from tests.system.accounts import SECOND, agree, read_accounts, settled, written
from tests.system.cluster import LONG_LEASE_S, Cluster, after_s, lateness_s, lost, uptime_s
from tests.system.conftest import MakeCluster
from tests.system.evidence import doubles, most_at_once, overlaps, stale_tokens
from tests.system.journal import Note
from tests.system.processes import eventually

TICKING = [f"tick{number}" for number in range(9)]
POOLED = [f"pooled{number}" for number in range(4)]
# So that a node which is slow for a moment loses no tick but behind a run that is there still.
PATIENT = 'start_deadline = "10s"\ncatchup = "all"'


def each_second(job: str, seconds: float, more: str) -> str:
    """Return a job with a tick each second."""
    return f'[jobs.{job}]\ncommand = "work {seconds}"\nschedule = "* * * * * *"\n{more}\n'


JOBS = "".join(
    [
        *(each_second(job, 0.1, 'start_deadline = "5s"') for job in TICKING),
        *(each_second(job, 1.5, 'pool = "narrow"') for job in POOLED),
        each_second("each", 0.1, f'scope = "node"\nenv = {{ EACH = "1" }}\n{PATIENT}'),
        each_second("western", 0.1, f'nodes = ["west"]\n{PATIENT}'),
        each_second("named", 0.1, f'nodes = ["a"]\n{PATIENT}'),
        each_second("queued", 1.6, 'overlap = "queue"\nstart_deadline = "10s"'),
        """
[pools.narrow]
size = 2
[jobs.replaced]
command = "work 60"
overlap = "replace"
[jobs.by-hand]
command = "work by-hand"
[jobs.held]
command = "work held"
[jobs.ends-well]
command = "work 1.5"
[jobs.ends-badly]
command = "work 2 7"
[jobs.retried]
command = "work 30"
retries = { max = 3, delay = "0s", on = ["lost"] }
[jobs.given-up]
command = "work 30"
""",
    ]
)


@pytest.fixture(scope="module")
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Three nodes after a few ticks; what a test breaks it mends itself."""
    labels = {"a": "west", "b": "west", "c": "east"}
    cluster = make_cluster(JOBS, labels=labels, lease_ttl_s=LONG_LEASE_S).start()
    eventually(lambda: len(cluster.journal.starts(TICKING[-1])) >= 4, "each had a few ticks", 30)
    return cluster


def wait(seconds: float) -> None:
    """Let a few ticks come: what is judged is how nodes behave while that time passes."""
    time.sleep(seconds)


def test_every_tick_runs_once_and_every_node_has_its_share(cluster: Cluster) -> None:
    for job in TICKING:
        agree(cluster["a"], job, settled(cluster["a"], job))
    assert {note.node for note in cluster.journal.starts() if note.job in TICKING} == {*"abc"}
    assert doubles(cluster.journal, ["each"]) == []
    assert overlaps(cluster.journal) == []


def test_every_node_tells_the_same(cluster: Cluster) -> None:
    until = datetime.now(UTC)
    told = [settled(member, TICKING[0], until) for member in cluster]
    assert told[0] == told[1] == told[2]


def test_ticks_start_in_time(cluster: Cluster) -> None:
    """Never early, and at once where nothing else wants the machine: others may run on it, too.
    benchmarks/ has the figures."""
    late = [lateness_s(note) for note in starts_of(cluster, TICKING)]
    assert -0.02 < min(late) < 0.5, "notes tell hundredths"


def test_each_node_runs_its_own_ticks_of_a_job_of_the_node(cluster: Cluster) -> None:
    until = datetime.now(UTC) + 2 * SECOND
    for member in cluster:
        accounts = settled(member, "each", until)
        member.await_notes("each", accounts.started)
        assert set(accounts.skipped.values()) <= {"overlap"}
        assert len(accounts.started) >= 3


def test_a_job_keeps_to_the_nodes_that_it_names(cluster: Cluster) -> None:
    assert {note.node for note in cluster.journal.starts("western")} <= {"a", "b"}
    assert {note.node for note in cluster.journal.starts("named")} == {"a"}
    for job in ("western", "named"):
        accounts = settled(cluster["c"], job)
        assert set(accounts.skipped.values()) <= {"overlap"}
        assert len(accounts.started) >= 3


def test_no_more_of_a_pool_than_its_size_on_all_nodes_together(cluster: Cluster) -> None:
    eventually(lambda: len(starts_of(cluster, POOLED)) >= 8, "the pool was full a few times")
    notes = [*cluster.journal.starts(), *cluster.journal.ends()]
    assert most_at_once(note for note in notes if note.job in POOLED) == 2
    assert len({note.node for note in starts_of(cluster, POOLED)}) > 1
    reasons = {why for job in POOLED for why in settled(cluster["b"], job).skipped.values()}
    assert reasons >= {"pool", "overlap"}


def starts_of(cluster: Cluster, jobs: list[str]) -> list[Note]:
    """Return what these jobs noted of their starts."""
    return [note for note in cluster.journal.starts() if note.job in jobs]


def test_a_queued_tick_starts_right_after_the_prior_run(cluster: Cluster) -> None:
    eventually(lambda: len(cluster.journal.starts("queued")) >= 4, "it ran a few times")
    starts, ends = cluster.journal.starts("queued"), cluster.journal.ends("queued")
    waited = [after_s(end, run.tick) > 0 for run, end in zip(starts[1:], ends, strict=False)]
    assert sum(waited) > len(waited) / 2, "with skip each would be of a tick after the prior end"
    assert lost(settled(cluster["b"], "queued")) == {}


def test_a_replaced_run_is_gone_on_its_node_before_the_next_begins_on_another(
    cluster: Cluster,
) -> None:
    first = cluster.run_on("a", "replaced")
    second = cluster.run_on("b", "replaced")
    assert (first.node, second.node) == ("a", "b")
    assert cluster["c"].ended(first.run_id)["outcome"] == "canceled"
    assert cluster["c"].ctl("cancel", second.run_id).returncode == 0
    assert cluster["c"].ended(second.run_id)["outcome"] == "canceled"
    assert second.token > first.token


def test_a_run_elsewhere_is_in_the_way_of_a_trigger_or_is_waited_for(cluster: Cluster) -> None:
    first = cluster.run_on("c", "by-hand")
    refused = cluster["a"].ctl("trigger", "by-hand", "--node", "a")
    assert refused.returncode == 75
    assert first.run_id in refused.stderr
    assert "on c" in refused.stderr
    queued = cluster["b"].trigger("by-hand", "--node", "b", "--queue")
    assert cluster.journal.ends("by-hand") == []
    cluster.journal.release("by-hand")
    second = cluster.started(queued)
    assert second.at_s >= cluster.journal.ends("by-hand")[0].at_s
    assert second.node == "b"


def test_a_run_is_shown_and_read_on_every_node(cluster: Cluster) -> None:
    first = cluster.run_on("c", "replaced")
    for member in cluster:
        eventually(lambda member=member: member.shows("replaced") == ["c"], "seen with a beat")
        assert member.ctl_json("logs", first.run_id)["text"] == "working for 60\n"
    assert cluster["a"].ctl("cancel", "replaced").returncode == 0
    assert cluster["b"].ended(first.run_id)["outcome"] == "canceled"


def test_a_pause_on_one_node_holds_on_all(cluster: Cluster) -> None:
    job = TICKING[1]
    assert cluster["a"].ctl("pause", job, "--reason", "a test").returncode == 0
    paused = datetime.now(UTC)
    held = settled(cluster["c"], job, paused + 2 * SECOND)
    assert [tick for tick in held.started if tick > written(paused)] == []
    assert "paused" in {why for tick, why in held.skipped.items() if tick > written(paused)}
    assert lost(held, paused, {"paused"}) == {}
    assert cluster["b"].ctl("resume", job).returncode == 0
    again = written(datetime.now(UTC))
    eventually(lambda: [n for n in cluster.journal.starts(job) if n.tick > again], "it runs again")


def test_a_drained_node_starts_nothing_and_no_tick_is_lost(cluster: Cluster) -> None:
    assert cluster["b"].ctl("drain").returncode == 0
    drained = datetime.now(UTC)
    wait(2.2)
    # What was claimed right before the drain may start a little after it.
    later = [n for n in cluster["b"].starts if n.tick != "-" and n.tick > written(drained)]
    assert {note.job for note in later} <= {"each"}
    eventually(lambda: "b" not in cluster["a"].nodes_up(), "the others know")
    assert cluster["b"].ctl("undrain").returncode == 0
    undrained_s = uptime_s()
    eventually(
        lambda: [n for n in cluster["b"].starts if n.at_s > undrained_s and n.job in TICKING],
        "b has its share again",
    )
    for job in (*TICKING, "western"):
        # A node hears only with its next beat that the pause of the last test is over.
        assert lost(settled(cluster["a"], job), drained, {"paused"}) == {}


def test_a_second_daemon_of_a_name_is_refused(cluster: Cluster) -> None:
    """Else both would think that the other's leases are theirs."""
    double = cluster.make("a", JOBS, folder="double")
    try:
        double.launch()
        assert double.wait(60) != 0
        assert "another daemon is called a" in double.log_text()
        assert double.log("run started") == []
    finally:
        cluster.remove(double)


def test_a_dead_supervisor_s_runs_are_retried_or_end_as_lost(cluster: Cluster) -> None:
    retried, given_up = cluster.run_on("b", "retried"), cluster.run_on("b", "given-up")
    cluster["b"].kill_supervisor()
    cluster.started(retried.run_id, attempt=2)
    assert cluster["a"].ended(given_up.run_id)["outcome"] == "lost"
    assert cluster["a"].ctl("cancel", "retried").returncode == 0
    assert cluster["a"].ended(retried.run_id)["outcome"] == "canceled"


def test_300_ms_of_latency_lose_no_tick(cluster: Cluster) -> None:
    """Not even of a short job that is due every second: its end is told before the next claim.
    Only of a run that is there still, for the machine was slow, a tick may be skipped."""
    for member in cluster:
        member.proxy.latency_s = 0.15
    slow = datetime.now(UTC)
    wait(4)
    cluster.heal()
    for job in TICKING:
        accounts = settled(cluster["a"], job)
        assert lost(accounts, slow) == {}
        assert cluster.needless_skips(job, slow) == []
        agree(cluster["a"], job, accounts)


def test_a_restart_of_postgresql_ends_no_run_and_loses_no_tick_and_no_outcome(
    cluster: Cluster,
) -> None:
    """One run goes on over it; two end while nobody can be told, and it is told afterwards."""
    held = cluster.run_on("a", "held")
    short = [cluster.run_on("b", job).run_id for job in ("ends-well", "ends-badly")]
    cluster.servers[0].stop()
    eventually(lambda: cluster.journal.ends("ends-badly"), "both have ended")
    cluster.servers[0].start()
    up = datetime.now(UTC)
    for job in TICKING:
        agree(cluster["b"], job, settled(cluster["b"], job, up + 2 * SECOND))
    eventually(  # its own connection may be a few seconds later
        lambda: written(up) in read_accounts(cluster["c"], TICKING[0]).ticks, "c has it too"
    )
    well, badly = (cluster["c"].ended(run_id) for run_id in short)
    assert (well["outcome"], badly["outcome"], badly["exit_code"]) == ("success", "failure", 7)
    assert well["ended_at"] < badly["ended_at"] < f"{up:%Y-%m-%dT%H:%M:%S.%fZ}"
    cluster.journal.release("held")
    assert cluster["c"].ended(held.run_id)["outcome"] == "success"


def test_ticks_of_a_dead_node_go_elsewhere_within_two_seconds(cluster: Cluster) -> None:
    """Daemon and supervisor of one are killed, and nobody starts them again."""
    # A run that dies keeps its job for a lease.
    eventually(
        lambda: cluster["c"].is_between_ticks(TICKING), "nothing runs on c, nor will at once"
    )
    its = [job for job in TICKING if mode(n.node for n in cluster.journal.starts(job)) == "c"]
    cluster["c"].kill_both()
    died = datetime.now(UTC)
    wait(4)
    after = [n for n in starts_of(cluster, TICKING) if n.tick > written(died)]
    assert {note.node for note in after} == {"a", "b"}
    # Each waits for the turn of the dead one, not just the first; one may meet a slow moment.
    assert median(lateness_s(note) for note in after if note.job in its) < 2.5
    for job in TICKING:
        assert lost(settled(cluster["a"], job), died) == {}
    eventually(lambda: cluster["a"].nodes_up() == {"a", "b"}, "c is known to be gone")
    cluster["c"].launch()
    cluster.await_member(cluster["c"])


def test_what_the_jobs_noted_holds_from_first_to_last(cluster: Cluster) -> None:
    """After all of the above: what no test looked for is found here."""
    assert overlaps(cluster.journal) == []
    assert doubles(cluster.journal, ["each"]) == []
    assert stale_tokens(cluster.journal, ["each"]) == []
    for job in (*TICKING, *POOLED, "queued", "western", "named"):
        ticks = settled(cluster["b"], job).ticks
        assert all(
            datetime.fromisoformat(b) - datetime.fromisoformat(a) == SECOND
            for a, b in pairwise(ticks)
        )
