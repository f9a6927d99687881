"""Three nodes that are well share the work: each tick once, on one of them."""

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from tests.system.accounts import SECOND, agree, read_accounts, settled, written
from tests.system.cluster import Cluster, Member, lateness_s, uptime_s
from tests.system.conftest import MakeCluster
from tests.system.evidence import doubles, most_at_once, overlaps, stale_tokens
from tests.system.journal import Note
from tests.system.processes import eventually

TICKING = [f"tick{number}" for number in range(9)]
POOLED = [f"pooled{number}" for number in range(4)]

JOBS = (
    "".join(
        f'[jobs.{job}]\ncommand = "work 0.1"\nschedule = "* * * * * *"\nstart_deadline = "5s"\n'
        for job in TICKING
    )
    + "".join(
        f'[jobs.{job}]\ncommand = "work 1.5"\nschedule = "* * * * * *"\npool = "narrow"\n'
        for job in POOLED
    )
    + """
[pools.narrow]
size = 2
[jobs.each]
command = "work 0.1"
schedule = "* * * * * *"
scope = "node"
env = { EACH = "1" }
[jobs.western]
command = "work 0.1"
schedule = "* * * * * *"
nodes = ["west"]
[jobs.named]
command = "work 0.1"
schedule = "* * * * * *"
nodes = ["a"]
[jobs.queued]
command = "work 1.6"
schedule = "* * * * * *"
overlap = "queue"
start_deadline = "10s"
[jobs.replaced]
command = "work 60"
overlap = "replace"
[jobs.by-hand]
command = "work 5"
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
"""
)


@pytest.fixture(scope="module")
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Three nodes after a few ticks; what a test breaks it mends itself."""
    labels = {"a": "west", "b": "west", "c": "east"}
    cluster = make_cluster(JOBS, labels=labels).start()
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
    """A generous bound: other tests may run on this machine, too. benchmarks/ has the figures."""
    late = [lateness_s(note) for note in cluster.journal.starts() if note.job in TICKING]
    assert sorted(late)[len(late) // 2] < 0.5


def test_each_node_runs_its_own_ticks_of_a_job_of_the_node(cluster: Cluster) -> None:
    until = datetime.now(UTC) + 2 * SECOND
    for member in cluster:
        accounts = settled(member, "each", until)
        noted = {note.tick: note.run_id for note in member.starts if note.job == "each"}
        assert accounts.started.items() <= noted.items()
        assert accounts.skipped == {}
        assert len(accounts.started) >= 3


def test_a_job_keeps_to_the_nodes_that_it_names(cluster: Cluster) -> None:
    assert {note.node for note in cluster.journal.starts("western")} <= {"a", "b"}
    assert {note.node for note in cluster.journal.starts("named")} == {"a"}
    assert settled(cluster["c"], "named").skipped == {}


def test_no_more_of_a_pool_than_its_size_on_all_nodes_together(cluster: Cluster) -> None:
    eventually(lambda: len(starts_of(cluster, POOLED)) >= 8, "the pool was full a few times")
    notes = [*cluster.journal.starts(), *cluster.journal.ends()]
    assert most_at_once(note for note in notes if note.job in POOLED) == 2
    assert len({note.node for note in starts_of(cluster, POOLED)}) > 1
    reasons = {why for job in POOLED for why in settled(cluster["b"], job).skipped.values()}
    assert reasons == {"pool", "overlap"}


def starts_of(cluster: Cluster, jobs: list[str]) -> list[Note]:
    """Return what these jobs noted of their starts."""
    return [note for note in cluster.journal.starts() if note.job in jobs]


def test_a_queued_tick_starts_right_after_the_prior_run(cluster: Cluster) -> None:
    eventually(lambda: len(cluster.journal.starts("queued")) >= 4, "it ran a few times")
    starts, ends = cluster.journal.starts("queued"), cluster.journal.ends("queued")
    gaps = [start.at_s - end.at_s for start, end in zip(starts[1:], ends, strict=False)]
    assert sorted(gaps)[len(gaps) // 2] < 0.5, "with skip it would be 0.4 s on average, or more"
    assert set(settled(cluster["b"], "queued").skipped.values()) <= {"overlap"}


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
    second = cluster.run_on("b", "by-hand", "--queue")
    (end, *_) = cluster.journal.ends("by-hand")
    assert 0 <= second.at_s - end.at_s < 1.5
    assert second.node == "b"


def test_a_run_is_shown_and_read_on_every_node(cluster: Cluster) -> None:
    first = cluster.run_on("c", "replaced")
    for member in cluster:
        eventually(lambda member=member: shows(member, "replaced") == ["c"], "seen with a beat")
        assert member.ctl_json("logs", first.run_id)["text"] == "working for 60\n"
    assert cluster["a"].ctl("cancel", "replaced").returncode == 0
    assert cluster["b"].ended(first.run_id)["outcome"] == "canceled"


def shows(member: Member, job: str) -> list[str]:
    """Return on which nodes the job runs, by a member's word."""
    shown = member.job(job)
    return [run["node"] for run in (*shown["active"], *shown["elsewhere"])]


def test_a_pause_on_one_node_holds_on_all(cluster: Cluster) -> None:
    job = TICKING[1]
    assert cluster["a"].ctl("pause", job, "--reason", "a test").returncode == 0
    paused = datetime.now(UTC)
    wait(2.2)
    resumed = datetime.now(UTC)
    assert cluster["b"].ctl("resume", job).returncode == 0
    accounts = settled(cluster["c"], job, resumed + 2 * SECOND)
    within = {t: why for t, why in accounts.skipped.items() if why == "paused"}
    assert within
    assert written(paused + SECOND) in within
    assert [t for t in accounts.started if written(paused) < t <= written(resumed)] == []
    assert [t for t in accounts.started if t > written(resumed)]


def test_a_drained_node_starts_nothing_and_no_tick_is_lost(cluster: Cluster) -> None:
    assert cluster["b"].ctl("drain").returncode == 0
    drained, drained_s = datetime.now(UTC), uptime_s()
    wait(2.2)
    assert [n for n in cluster["b"].starts if n.at_s > drained_s + 0.5 and n.job != "each"] == []
    assert "b" not in cluster["a"].nodes_up()
    assert cluster["b"].ctl("undrain").returncode == 0
    undrained_s = uptime_s()
    eventually(
        lambda: [n for n in cluster["b"].starts if n.at_s > undrained_s and n.job in TICKING],
        "b has its share again",
    )
    for job in (*TICKING, "western"):
        skipped = settled(cluster["a"], job).skipped
        assert {t: w for t, w in skipped.items() if t > written(drained) and w != "paused"} == {}


def test_a_second_daemon_of_a_name_is_refused(cluster: Cluster) -> None:
    """Else both would think that the other's leases are theirs."""
    double = cluster.make("a", JOBS, folder="double")
    try:
        double.launch()
        assert double.wait(15) != 0
        assert "another daemon is called a" in double.log_text()
        assert double.starts == cluster["a"].starts
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
    """Not even of a short job that is due every second: its end is told before the next claim."""
    for member in cluster:
        member.proxy.latency_s = 0.15
    slow = datetime.now(UTC)
    wait(4)
    cluster.heal()
    for job in TICKING:
        accounts = settled(cluster["a"], job)
        assert {t: w for t, w in accounts.skipped.items() if t > written(slow)} == {}
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
    cluster["c"].kill_both()
    died_s, died = uptime_s(), datetime.now(UTC)
    wait(4)
    after = [n for n in cluster.journal.starts() if n.job in TICKING and n.at_s > died_s]
    assert {note.node for note in after} == {"a", "b"}
    assert max(lateness_s(note) for note in after) < 2.5
    for job in TICKING:
        accounts = settled(cluster["a"], job)
        assert {t: w for t, w in accounts.skipped.items() if t > written(died)} == {}
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
