"""A node on its own is given another name: what ran under the old one is still its own."""

import signal

import pytest

from tests.system.conftest import MakeNode
from tests.system.journal import Note
from tests.system.node import Node
from tests.system.processes import eventually

SLOW = """
[jobs.slow]
command = "work forever"
schedule = "* * * * * *"
retries = { max = 1, delay = "0s", on = ["lost"] }
"""
FLAKY = """
[jobs.flaky]
command = "work held 1"
retries = { max = 1, delay = "3s", factor = 1.0, jitter = 0.0 }
"""


def rename(node: Node) -> None:
    """Give the node another name; it is to be started under it."""
    was = node.config.read_text(encoding="utf-8")
    node.config.write_text(was.replace('node = "before"', 'node = "after"'), encoding="utf-8")


def started(node: Node, count: int = 1) -> list[Note]:
    """Wait for so many starts, by what the jobs themselves noted."""
    eventually(lambda: len(node.journal.starts()) >= count, f"{count} starts")
    return node.journal.starts()


def known(notes: list[Note]) -> list[tuple[str, int, str]]:
    return [(note.run_id, note.attempt, note.node) for note in notes]


def test_a_run_that_nobody_holds_any_more_is_lost_and_tried_again(make_node: MakeNode) -> None:
    """Else it would stand as running for ever, and each later tick be an overlap with it."""
    node = make_node(SLOW, more='node = "before"').start()
    run_id = started(node)[0].run_id
    node.kill9()
    node.kill_supervisor()
    rename(node)
    node.start()
    assert known(started(node, 2)) == [(run_id, 1, "before"), (run_id, 2, "after")]
    eventually(lambda: node.run(run_id)["node"] == "after", "history tells where it runs now")
    assert node.journal.overlaps() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_the_supervisor_holds_is_taken_back(
    make_node: MakeNode, number: signal.Signals
) -> None:
    """It ends as itself, under the name that the node had when it ran."""
    jobs = SLOW.replace("work forever", "work held 7")
    node = make_node(jobs, more='node = "before"', grace="60s").start()
    run_id = started(node)[0].run_id
    node.send(number)
    if number == signal.SIGTERM:  # it waits for the run, and is killed while it does
        eventually(lambda: node.log("waiting for runs to end"), "it stops")
    node.kill9()
    rename(node)
    node.start()
    node.journal.release("held")
    run = node.ended(run_id)
    assert (run["outcome"], run["exit_code"], run["node"]) == ("failure", 7, "before")
    assert node.journal.overlaps() == []


def test_a_run_between_two_attempts_gets_its_next_one(make_node: MakeNode) -> None:
    node = make_node(FLAKY, more='node = "before"').start()
    run_id = node.trigger("flaky")
    node.journal.release("held")  # only now, so that the delay begins before one's eyes
    eventually(lambda: node.job("flaky")["state"] == "retrying", "it waits for the second")
    node.kill9()
    rename(node)
    node.start()
    run = node.ended(run_id)
    assert (run["attempt"], run["outcome"], run["node"]) == (2, "failure", "after")
    assert known(node.journal.starts()) == [(run_id, 1, "before"), (run_id, 2, "after")]
