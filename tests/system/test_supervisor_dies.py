"""kill -9 of the supervisor, alone and together with the daemon: no child survives."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

from tests.system.accounts import SECOND, agree, settled
from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import all_gone, command_line, eventually, is_alive, processes_with

# A child that leaves its session, is adopted by another, and forgets whose it was.
DEEP = """
[jobs.deep]
command = "env -i PATH=/usr/bin:/bin setsid sh -c '(setsid sleep {mark}; :) & sleep {mark}'"
shell = true
[jobs.every-second]
command = "work 0.1"
schedule = "* * * * * *"
"""


def start_with_deep_tree(make_node: MakeNode) -> tuple[Node, str, list[int]]:
    """Return a node, its run of ``deep``, and all the processes of that run."""
    node = make_node("")
    mark = f"1{node.directory.stat().st_ino}"  # in the command lines of this test's processes
    node.configure(DEEP.format(mark=mark))
    run_id = node.start().trigger("deep")
    eventually(lambda: len(sleepers(mark)) == 2, "both sleep")
    return node, run_id, processes_with(mark)


def sleepers(mark: str) -> list[int]:
    """Return the processes that are ``sleep mark`` by now."""
    command = f"sleep\0{mark}\0".encode()
    return [pid for pid in processes_with(mark) if command_line(pid) == command]


def test_no_child_survives_the_supervisor_and_ticks_go_on(make_node: MakeNode) -> None:
    node, run_id, family = start_with_deep_tree(make_node)
    killed = node.kill_supervisor()
    eventually(lambda: all_gone(family), "the whole tree is dead")
    run = node.ended(run_id)
    assert (run["outcome"], run["exit_code"], run["signal"]) == ("lost", None, None)
    eventually(lambda: node.supervisor_pid != killed, "a new supervisor is there")
    before = len(node.journal.ends())
    eventually(lambda: len(node.journal.ends()) > before + 1, "ticks go on")
    agree(node, "every-second", settled(node, "every-second"))
    assert node.journal.overlaps() == []


def test_when_both_die_no_child_survives_and_the_restart_accounts_for_all(
    make_node: MakeNode,
) -> None:
    node, run_id, family = start_with_deep_tree(make_node)
    node.kill9()
    node.kill_supervisor()
    eventually(lambda: all_gone(family), "the whole tree is dead")
    node.start()
    assert node.ended(run_id)["outcome"] == "lost"
    agree(node, "every-second", settled(node, "every-second", datetime.now(UTC) + SECOND))


def test_leftovers_are_killed_before_the_first_tick(make_node: MakeNode) -> None:
    """Supervisor and guard killed together, as by somebody who kills what he can find."""
    jobs = '[jobs.lasting]\ncommand = "work 60"\nschedule = "* * * * * *"\n'
    node = make_node(jobs).start()
    eventually(node.journal.starts, "it has started")
    guards = [p for p in processes_with("jobd-guard") if parent_of(p) == node.supervisor_pid]
    node.kill9()
    first = node.journal.starts()[0].pid
    kill_at_once(node, guards)
    assert is_alive(first), "this test needs a leftover"
    node.start()
    eventually(lambda: len(node.journal.starts()) > 1, "the next tick has started")
    assert not is_alive(first)
    assert node.journal.overlaps() == []


def kill_at_once(node: Node, guards: list[int]) -> None:
    """Kill guards and supervisor such that neither can act on the other's death."""
    for pid in (node.supervisor_pid, *guards):
        os.kill(pid, signal.SIGSTOP)
    for pid in guards:
        os.kill(pid, signal.SIGKILL)
    node.kill_supervisor()


def parent_of(pid: int) -> int:
    """Return the parent of a process; 0 if it is gone, as guards of other tests may be."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat.rpartition(")")[2].split()[1])
