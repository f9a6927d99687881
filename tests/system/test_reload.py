"""Reload: all or nothing, and per job."""

import signal

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

BEFORE = """
[jobs.stays]
command = "work 0"
schedule = "0 0 1 1 *"
[jobs.every-second]
command = "work 0"
schedule = "* * * * * *"
[jobs.changes]
command = "work one 3"
[jobs.leaves]
command = "work two 3"
[jobs.goes]
command = "work 0"
schedule = "* * * * * *"
"""
AFTER = (
    BEFORE.replace('"work one 3"', '"work 0 4"').partition("[jobs.goes]")[0]
    + '[jobs.comes]\ncommand = "work 0"\nschedule = "* * * * * *"\n'
)
BAD = BEFORE + '[jobs.bad]\ncommand = "true"\nevery = "soon"\n'
RELOADED_WELL = "jobd_config_last_reload_successful"


@pytest.fixture(scope="module")
def shared(make_shared_node: MakeNode) -> Node:
    """A node whose jobs have run."""
    node = make_shared_node(BEFORE).start()
    eventually(lambda: node.journal.ends("goes"), "it has run")
    return node


@pytest.fixture
def node(shared: Node) -> Node:
    """That node, with the configuration with which it began."""
    shared.configure(BEFORE)
    assert shared.ctl("reload").returncode == 0
    return shared


def test_a_bad_file_leaves_the_old_configuration_in_force_and_says_so(node: Node) -> None:
    """In the reply, the log and a metric; and a good one afterwards heals all three."""
    node.configure(BAD)
    refused = node.ctl("reload")
    assert refused.returncode == 78
    assert "jobs.bad.every" in refused.stdout
    assert node.metric(RELOADED_WELL) == 0
    assert "soon" in str(node.log("reload refused, configuration unchanged"))
    before = len(node.journal.ends("every-second"))
    eventually(lambda: len(node.journal.ends("every-second")) > before, "the old one goes on")
    assert node.ctl("show", "bad").returncode == 66
    node.configure(BEFORE)
    assert node.ctl("reload").returncode == 0
    assert node.metric(RELOADED_WELL) == 1


def test_sighup_reloads(node: Node) -> None:
    node.configure(AFTER)
    node.send(signal.SIGHUP)
    eventually(lambda: node.journal.ends("comes"), "the new job runs")
    assert node.ctl("show", "goes").returncode == 66
    node.configure(BAD)
    node.send(signal.SIGHUP)
    eventually(lambda: node.metric(RELOADED_WELL) == 0, "the bad one was seen")


def test_a_run_keeps_the_definition_with_which_it_started(node: Node) -> None:
    run_id = node.trigger("changes")
    eventually(lambda: node.job("changes")["state"] == "running", "it runs")
    node.configure(AFTER)
    assert node.ctl_json("reload")["changed"] == ["changes"]
    node.journal.release("one")
    assert node.ended(run_id)["exit_code"] == 3
    assert node.run_to_end("changes")["exit_code"] == 4


def test_jobs_that_did_not_change_feel_nothing(node: Node) -> None:
    next_due = node.job("stays")["next_due"]
    last = node.job("every-second")["last_success"]
    node.configure(AFTER)
    answer = node.ctl_json("reload")
    assert (answer["added"], answer["removed"]) == (["comes"], ["goes"])
    assert node.job("stays")["next_due"] == next_due
    assert node.job("every-second")["last_success"] >= last


def test_series_come_and_go_with_their_jobs(node: Node) -> None:
    assert 'job_name="goes"' in node.fetch("/metrics")[1]
    node.configure(AFTER)
    node.ctl("reload")
    eventually(lambda: 'job_name="goes"' not in node.fetch("/metrics")[1], "they are gone")
    assert node.metric('jobd_runs_total{job_name="comes",outcome="failure"}') == 0


def test_a_run_of_a_removed_job_goes_on_to_its_end(node: Node) -> None:
    run_id = node.trigger("leaves")
    eventually(lambda: node.job("leaves")["state"] == "running", "it runs")
    node.configure(BEFORE.replace("[jobs.leaves]", "[jobs.other]"))
    assert node.ctl_json("reload")["removed"] == ["leaves"]
    node.journal.release("two")
    run = node.ended(run_id)
    assert (run["outcome"], run["exit_code"]) == ("failure", 3)
    assert run_id in [note.run_id for note in node.journal.ends("leaves")]
