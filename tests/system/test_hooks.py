"""Hooks and pings of whole daemons: made, in order, once; and never in the way of a run."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest

from tests.system.accounts import SECOND, agree, settled
from tests.system.conftest import MakeNode
from tests.system.listener import Listener
from tests.system.node import Node
from tests.system.processes import all_gone, eventually, processes_with

SOON = "[limits]\nhook_timeout = '2s'"
# So that a machine which stands still for a moment costs no tick.
CAUGHT_UP = 'schedule = "* * * * * *"\ncatchup = "all"\nstart_deadline = "20s"'


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener().listening() as listening:
        yield listening


def told(node: Node) -> list[dict[str, object]]:
    """Return the runs that hooks of the node have put into the file ``told``."""
    path = node.directory / "told"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def teller(before: str = "true") -> str:
    """Return a hook that adds the run to the file ``told`` of its directory."""
    script = f"{before}; cat >> told; echo >> told"
    return json.dumps(["/bin/sh", "-c", script])


def test_hooks_and_pings_that_hang_delay_no_run(make_node: MakeNode, listener: Listener) -> None:
    """Of two jobs with a tick each second one has a ping, and both a hook, that hang for ever."""
    jobs = f"""
    [jobs.hung]
    command = "work 0"
    ping_url = "{listener.url}/hang/secret"
    on_success = ["/bin/sh", "-c", "trap '' TERM; sleep 600"]
    {CAUGHT_UP}
    [jobs.beside]
    command = "work 0"
    on_success = {{ url = "{listener.url}/hang/beside" }}
    {CAUGHT_UP}
    """
    node = make_node(jobs, more=SOON).start()
    eventually(lambda: failures(node, "hung"), "a hook has been ended", 20)
    for job in ("hung", "beside"):
        accounts = settled(node, job, datetime.now(UTC) + 3 * SECOND)
        # Behind a hook, which takes two seconds, two ticks of three would find a run in the way.
        assert set(accounts.skipped.values()) <= {"overlap"}
        assert len(accounts.started) > max(4, 2 * len(accounts.skipped))
        agree(node, job, accounts)
    late = [lateness_s(run) for run in node.runs() if run["started_at"]]
    assert median(late) < 0.9, "by no more than a busy machine takes"
    assert listener.heard("/hang/secret/start")
    assert listener.heard("/hang/beside")
    assert failures(node, "hung")[0].startswith("it was not done in time")
    assert node.metric('jobd_hooks_total{job_name="hung",hook="on_success",result="failure"}')


def failures(node: Node, job: str) -> list[str]:
    """Return how a job's command for a success failed, each time."""
    records = [one for one in node.log("hook failed") if one["hook"] == "on_success"]
    return [one["error"] for one in records if one["job"] == job]


def lateness_s(run: dict[str, str]) -> float:
    late = datetime.fromisoformat(run["started_at"]) - datetime.fromisoformat(run["fire_time"])
    return late.total_seconds()


def test_a_run_is_pinged_at_its_start_and_then_at_its_end(
    make_node: MakeNode, listener: Listener
) -> None:
    jobs = f"""
    [jobs.good]
    command = "work 0"
    schedule = "* * * * * *"
    ping_url = "{listener.url}/t/good?create=1"
    [jobs.bad]
    command = "work 0 7"
    schedule = "* * * * * *"
    ping_url = "{listener.url}/t/bad/"
    """
    make_node(jobs).start()
    ends = {"good": "/t/good?create=1", "bad": "/t/bad/fail"}
    for job, end in ends.items():
        start = "/t/good/start?create=1" if job == "good" else "/t/bad/start"
        eventually(lambda end=end: len(listener.heard(end)) >= 3, f"{job} was told of thrice")
        paths = [one.path for one in listener.heard(f"/t/{job}")][:6]
        assert paths == [start, end] * 3
        begun, over = listener.heard(f"/t/{job}")[:2]
        assert begun.run_id == over.run_id
        assert (begun.body["outcome"], over.body["exit_code"]) == (None, 7 * (job == "bad"))


def test_a_failure_and_its_recovery_reach_a_command(make_node: MakeNode) -> None:
    job = f"""
    [jobs.flaky]
    command = ["/bin/sh", "-c", "echo $JOBD_PARAM_WORDS; exit $JOBD_PARAM_STATUS"]
    params = {{ status = {{ default = "0" }}, words = {{ default = "" }} }}
    on_failure = {teller()}
    on_recovery = {teller()}
    """
    node = make_node("", defaults="")
    node.configure(f"{job}\ncwd = '{node.directory}'\n")
    node.start()
    ask = ("trigger", "flaky", "--wait", "--param")
    assert node.ctl(*ask, "status=3", "--param", "words=hunter2 is broken").returncode == 3
    eventually(lambda: len(told(node)) == 1, "the failure was told")
    for _ in range(2):
        assert node.ctl(*ask, "status=0").returncode == 0
    eventually(lambda: len(told(node)) == 2, "the recovery was told")
    failure, recovery = told(node)
    assert (failure["hook"], failure["outcome"], failure["exit_code"]) == (
        "on_failure", "failure", 3,
    )  # fmt: skip
    assert failure["output_tail"] == "hunter2 is broken\n"
    assert (recovery["hook"], recovery["prior_outcome"]) == ("on_recovery", "failure")


def test_an_end_that_is_found_out_after_a_crash_is_told_once(make_node: MakeNode) -> None:
    node = make_node("")
    node.configure(
        f"[jobs.slow]\ncommand = 'work slow 7'\ncwd = '{node.directory}'\non_failure = {teller()}\n"
    )
    node.start()
    run_id = node.trigger("slow")
    eventually(lambda: node.journal.starts("slow"), "it runs")
    node.kill9()
    node.journal.release("slow")
    eventually(lambda: node.journal.ends("slow"), "it has ended")
    node.start()
    eventually(lambda: told(node), "the end was told")
    node.restart()
    node.run_to_end("slow")  # of its own end is told after whatever was still to be told
    eventually(lambda: len(told(node)) >= 2, "the next end was told")
    assert [run["run_id"] for run in told(node)].count(run_id) == 1


def test_a_hook_outlives_the_daemon_that_ordered_it(make_node: MakeNode) -> None:
    """Half an alert is worse than one that comes late."""
    node = make_node("")
    wait = f"touch {node.directory}/begun; until [ -e {node.directory}/go ]; do sleep 0.1; done"
    node.configure(
        f"[jobs.bad]\ncommand = 'work 0 7'\ncwd = '{node.directory}'\n"
        f"on_failure = {teller(before=wait)}\n"
    )
    node.start()
    run_id = node.trigger("bad")
    eventually((node.directory / "begun").exists, "the hook has begun")
    node.restart()
    (node.directory / "go").touch()
    eventually(lambda: told(node), "the hook has ended")
    node.run_to_end("bad")
    eventually(lambda: len(told(node)) == 2, "the next one, too")
    assert told(node)[0]["run_id"] == run_id
    assert [run["run_id"] for run in node.runs("bad")].count(run_id) == 1
    assert all("hook" not in run["run_id"] for run in node.runs())


def test_a_stop_takes_seconds_and_leaves_no_hook_behind(
    make_node: MakeNode, listener: Listener
) -> None:
    node = make_node(
        "[jobs.bad]\ncommand = 'work 0 7'\n"
        "on_failure = ['/bin/sh', '-c', 'trap \"\" TERM; sleep 8765']\n"
        f"ping_url = '{listener.url}/hang'\n"
    ).start()
    node.run_to_end("bad")
    hooks = eventually(lambda: processes_with("sleep\x008765"), "the hook has begun")
    assert node.stop_daemon(within_s=15) == 0
    eventually(lambda: all_gone(hooks), "it is gone")
    (record,) = node.log("stopping before all hooks were called")
    assert (record["dropped"] >= 2, record["going_on"]) == (True, 0)


def test_of_a_url_nothing_but_the_host_is_ever_shown(
    make_node: MakeNode, listener: Listener
) -> None:
    node = make_node(
        f"[jobs.bad]\ncommand = 'work 0 7'\nping_url = '{listener.url}/hunter2'\n"
        f"on_failure = {{ url = 'http://u:hunter2@127.0.0.1:1/hunter2?hunter2' }}\n",
        http="127.0.0.1:0",
    ).start()
    node.run_to_end("bad")
    eventually(lambda: listener.heard("hunter2/fail"), "the ping came")
    node.configure("[jobs.bad]\ncommand = 'x'\non_failure = { url = 'ftp://hunter2/hunter2' }\n")
    refused = node.ctl("reload")
    assert refused.returncode != 0
    shown = [node.ctl("show", "bad").stdout, node.ctl("show", "bad", "--json").stdout]
    assert f"{listener.url}/***" in shown[0]
    pages = [node.fetch(path)[1] for path in ("/metrics", "/api/v1/status", "/api/v1/jobs")]
    assert "hunter2" not in "".join((*shown, *pages, refused.stderr, refused.stdout))
    assert "hunter2" not in node.log_text()


def test_a_hook_runs_as_the_job_s_user(make_node: MakeNode, needs_root: None) -> None:
    node = make_node("")
    place = Path(node.directory) / "open"
    place.mkdir()
    place.chmod(0o777)
    node.configure(
        f"[jobs.bad]\ncommand = '/bin/false'\nuser = 'nobody'\ncwd = '{place}'\n"
        "on_failure = ['/bin/sh', '-c', 'id -un > who; cat > told']\n"
    )
    node.start()
    node.run_to_end("bad")
    eventually((place / "told").exists, "the hook has begun")
    eventually(lambda: (place / "told").read_text(), "it has read what it is told")
    assert (place / "who").read_text() == "nobody\n"
    assert json.loads((place / "told").read_text())["outcome"] == "failure"
