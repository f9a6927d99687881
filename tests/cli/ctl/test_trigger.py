import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from threading import Thread, Timer
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.effects import Accepted, Refused, Reply
from jobd.core.events import OperatorEvent, TriggerAsked
from jobd.core.outcome import Outcome
from jobd.web.node import ReloadResult
from tests.cli.ctl.conftest import Ctl
from tests.system.processes import eventually
from tests.web.fake_node import (
    NOW,
    PATIENCE_S,
    BrokenStore,
    FakeNode,
    Served,
    job_named,
    view_of,
    waiting_view,
)


def start_when_asked(
    server: Served, outcome: Outcome | None, output: bytes = b"", **facts: Any
) -> None:
    """Let a trigger start a run, and end it like this soon after; None leaves it active."""
    node = server.node

    async def begin(run_id: str) -> None:
        await node.start_run(run_id)
        node.outputs[run_id, 1] = output
        if outcome is not None:
            await node.end_run(run_id, outcome, **facts)

    def reply(event: OperatorEvent) -> Reply:
        assert isinstance(event, TriggerAsked)
        server.loop.create_task(begin(event.run_id))
        return Accepted(event.request_id, (event.run_id,))

    node.on_ask = reply


def busy(event: OperatorEvent) -> Reply:
    blocker = ActiveRun("aaaa1111", "backup", "app2", 7, None, Trigger.SCHEDULE, NOW)
    return Refused(event.request_id, "busy", "backup cannot start now (overlap)", blocker)


def test_a_trigger_leaves_once_the_run_is_accepted(ctl: Ctl, node: FakeNode) -> None:
    said = ctl("trigger", "backup")
    assert (said.status, said.out.split()[0], said.out.split()[2]) == (0, "run", "accepted")


def test_parameters_and_flags_are_passed_on(ctl: Ctl, node: FakeNode) -> None:
    ctl("trigger", "backup", "--param", "table=users", "--queue")
    (asked,) = node.asked
    assert isinstance(asked, TriggerAsked)
    assert (asked.params, asked.queue, asked.force) == ((("table", "users"),), True, False)


@pytest.mark.parametrize(
    ("outcome", "facts", "status"),
    [
        (Outcome.SUCCESS, {}, 0),
        (Outcome.SUCCESS, {"exit_code": 3}, 3),  # one of its success_exit_codes
        (Outcome.FAILURE, {"exit_code": 7}, 7),
        (Outcome.FAILURE, {"exit_code": None, "signal": 11}, 139),
        (Outcome.FAILURE, {"exit_code": 0}, 1),  # its failure_pattern matched
        (Outcome.TIMEOUT, {"exit_code": None, "signal": 15}, 124),
        (Outcome.OOM, {"exit_code": None, "signal": 9}, 137),
        (Outcome.CANCELED, {"exit_code": None, "signal": 15}, 130),
        (Outcome.LOST, {"exit_code": None}, 70),
        (Outcome.START_ERROR, {"exit_code": None, "reason": "no such user"}, 126),
    ],
)
def test_waiting_leaves_with_the_run_s_own_status(
    ctl: Ctl, server: Served, outcome: Outcome, facts: dict[str, Any], status: int
) -> None:
    start_when_asked(server, outcome, **facts)
    assert ctl("trigger", "backup", "--wait").status == status


def test_waiting_prints_one_document_with_the_run(ctl: Ctl, server: Served) -> None:
    start_when_asked(server, Outcome.FAILURE, exit_code=7)
    said = ctl("trigger", "backup", "--wait", "--json")
    assert (said.status, said.json["run"]["exit_code"]) == (7, 7)


def test_waiting_survives_that_the_run_waits_its_turn(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    def queue(event: OperatorEvent) -> Reply:
        assert isinstance(event, TriggerAsked)
        node.add(view_of(job_named(), waiting=(waiting_view(event.run_id),)))
        Timer(0.3, go, [event.run_id]).start()
        return Accepted(event.request_id, (event.run_id,), "waits for the end of run aaaa1111")

    def go(run_id: str) -> None:
        node.add(view_of(job_named()))
        server.call(node.start_run(run_id))
        server.call(node.end_run(run_id))

    node.on_ask = queue
    assert ctl("trigger", "backup", "--queue", "--wait").status == 0


def test_waiting_survives_that_the_store_is_silent_for_a_while(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    """The run goes on meanwhile, and a script would take another status for its failure."""
    store = node.store

    def begin(event: OperatorEvent) -> Reply:
        assert isinstance(event, TriggerAsked)
        node.store = BrokenStore()
        Timer(0.3, go, [event.run_id]).start()
        return Accepted(event.request_id, (event.run_id,))

    def go(run_id: str) -> None:
        node.store = store
        server.call(node.start_run(run_id))
        server.call(node.end_run(run_id, Outcome.FAILURE, exit_code=7))

    node.on_ask = begin
    assert ctl("trigger", "backup", "--wait").status == 7


def test_waiting_gives_up_on_a_store_that_stays_silent(
    ctl: Ctl, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobd.cli.ctl.watching.STORE_PATIENCE_S", 0.5)
    node.store = BrokenStore()
    said = ctl("trigger", "backup", "--wait")
    assert (said.status, "the store does not answer" in said.err) == (69, True)


def test_a_run_given_up_before_it_started_is_said_to_be(
    ctl: Ctl, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobd.cli.ctl.watching.PATIENCE_S", 0.5)
    said = ctl("trigger", "backup", "--wait")
    assert (said.status, "was given up before it started" in said.err) == (66, True)


def test_following_prints_the_output_and_leaves_at_the_end(ctl: Ctl, server: Served) -> None:
    start_when_asked(server, Outcome.FAILURE, b"one\ntwo\n", exit_code=7)
    said = ctl("trigger", "backup", "--follow")
    assert (said.status, said.out) == (0, "one\ntwo\n")
    assert "ended failure after" in said.err
    assert said.err.endswith(": exit status 7\n"), "who watches is told how it ended"


def test_following_and_waiting_is_both(ctl: Ctl, server: Served) -> None:
    start_when_asked(server, Outcome.FAILURE, b"one\n", exit_code=7)
    said = ctl("trigger", "backup", "--follow", "--wait")
    assert (said.status, said.out) == (7, "one\n")


def test_busy_says_which_run_on_which_node_since_when(ctl: Ctl, node: FakeNode) -> None:
    node.on_ask = busy
    said = ctl("trigger", "backup")
    assert said.status == 75
    assert "busy: run aaaa1111 of backup is active on app2 since 10:20:00 (now); " in said.err


def test_busy_as_json_names_the_blocker(ctl: Ctl, node: FakeNode) -> None:
    node.on_ask = busy
    assert ctl("trigger", "backup", "--json").json["error"]["blocker"]["node"] == "app2"


@pytest.mark.parametrize(
    "arguments",
    [
        ["trigger"],
        ["trigger", "backup", "--param", "table"],
        ["trigger", "backup", "--param", "table=a", "--param", "table=b"],
        ["trigger", "backup", "--follow", "--json"],
        ["trigger", "backup", "--force", "--queue"],
        ["trigger", "backup", "--param", "table=A1"],
        ["trigger", "backup", "--param", "tabel=a"],
        ["pause"],
        ["pause", "backup", "--all"],
        ["pause", "backup", "--until", "soon"],
        ["pause", "backup", "--until", "2020-01-01T00:00"],
        ["runs", "--outcome", "fine"],
        ["runs", "--limit", "0"],
        ["why", "backup", "noon"],
        ["frobnicate"],
        ["top"],  # no terminal here
        [],
    ],
)
def test_wrong_usage_leaves_with_64(ctl: Ctl, node: FakeNode, arguments: list[str]) -> None:
    assert (ctl(*arguments).status, node.asked) == (64, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "bakup"],
        ["runs", "bakup"],
        ["logs", "bakup"],
        ["trigger", "bakup"],
        ["cancel", "bakup"],
        ["pause", "bakup"],
        ["resume", "bakup"],
        ["skip-next", "bakup"],
        ["why", "bakup"],
    ],
)
def test_an_unknown_job_leaves_with_66_and_the_nearest_name(ctl: Ctl, arguments: list[str]) -> None:
    said = ctl(*arguments)
    assert (said.status, "did you mean backup?" in said.err) == (66, True)


def test_of_an_attempt_that_there_was_not_there_are_no_logs(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    server.call(node.retry("aaaa1111"))
    said = ctl("logs", "aaaa1111", "--attempt", "3")
    assert (said.status, said.out) == (64, "")
    assert "run aaaa1111 has 2 attempts; choose one of them" in said.err


def test_logs_of_a_run_that_never_began_say_why(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    server.call(node.end_run("aaaa1111", Outcome.START_ERROR, reason="no such user: ann"))
    said = ctl("logs", "backup")
    assert (said.status, said.out) == (0, "")
    assert said.err == "jobd ctl: run aaaa1111 never began: no such user: ann\n"


def test_a_job_that_never_ran_has_no_logs(ctl: Ctl) -> None:
    said = ctl("logs", "backup")
    assert (said.status, said.err) == (66, "jobd ctl: job backup has not run yet\n")


def test_cancel_takes_a_run_as_well_as_a_job(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    statuses = [ctl("cancel", name).status for name in ("aaaa", "backup")]
    asked: list[Any] = list(node.asked)
    assert statuses == [0, 0]
    assert [(a.job, a.run_id) for a in asked] == [(None, "aaaa1111"), ("backup", None)]


def test_a_pause_until_is_in_the_terminal_s_zone(
    ctl: Ctl, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    ctl("pause", "--all", "--reason", "deploy", "--until", "2026-11-24T09:00")
    asked: Any = node.asked[0]
    assert (asked.job, asked.until.isoformat()) == (None, "2026-11-24T00:00:00+00:00")


def test_a_reload_prints_what_changed(ctl: Ctl, node: FakeNode) -> None:
    node.reload_result = ReloadResult(added=("a", "b"), removed=("c",), warnings=("no timeout",))
    said = ctl("reload")
    assert (said.status, said.out) == (0, "added: a, b\nremoved: c\nwarning: no timeout\n")


def test_a_refused_reload_prints_every_error_and_leaves_with_78(ctl: Ctl, node: FakeNode) -> None:
    node.reload_result = ReloadResult(errors=("a.toml:1: bad", "a.toml:9: worse"))
    said = ctl("reload")
    assert (said.status, said.out) == (78, "a.toml:1: bad\na.toml:9: worse\n")


def test_logs_of_a_job_are_those_of_its_latest_run(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    for run_id in ("aaaa1111", "bbbb2222"):
        server.call(node.start_run(run_id))
        node.outputs[run_id, 1] = run_id.encode()
    assert ctl("logs", "backup").out == "bbbb2222"


def test_logs_longer_than_a_piece_come_whole(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"0123456789" * 100_000
    assert ctl("logs", "aaaa1111").out == "0123456789" * 100_000


def test_logs_say_how_much_of_the_middle_was_dropped(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"head" + b"x" * 12345 + b"tail"
    node.lost_middle = (4, 12349)
    said = ctl("logs", "backup")
    assert said.out == "headtail"
    assert said.err == "jobd ctl: 12345 bytes of the middle were not kept\n"


def test_logs_as_json_count_what_was_dropped(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"\xffhead" + b"x" * 10 + b"tail"
    node.lost_middle = (5, 15)
    document = ctl("logs", "backup", "--json").json
    assert (document["text"], document["dropped_bytes"]) == ("\ufffdheadtail", 10)


def test_logs_of_a_run_that_waits_say_for_what(ctl: Ctl, node: FakeNode) -> None:
    node.add(view_of(job_named(), waiting=(waiting_view("bbbb2222"),)))
    said = ctl("logs", "bbbb2222", "--json")
    assert (said.json["text"], "has not started: waits: max_running" in said.err) == ("", True)


def test_following_logs_goes_on_to_the_next_attempt(
    ctl: Ctl, server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs.update({("aaaa1111", 1): b"first\n", ("aaaa1111", 2): b"second\n"})

    def retry_and_end() -> None:
        # Sooner the second attempt might be the one that is found, and followed from its begin.
        eventually(lambda: node.waited_for > 0, "the first attempt is followed")
        server.call(node.retry("aaaa1111"))
        server.call(node.end_run("aaaa1111", attempt=2))

    retrying = Thread(target=retry_and_end)
    retrying.start()
    said = ctl("logs", "-f", "backup")
    retrying.join(PATIENCE_S)
    assert (said.out, said.err) == ("first\nsecond\n", "jobd ctl: attempt 2\n")


@pytest.mark.parametrize(
    ("options", "status"), [(["--follow"], 0), (["--wait"], 130), (["--follow", "--wait"], 130)]
)
def test_ctrl_c_detaches_and_leaves_the_run_alone(
    server: Served, node: FakeNode, options: list[str], status: int
) -> None:
    start_when_asked(server, None, b"started\n")
    command = [sys.executable, "-m", "jobd", "ctl", "trigger", "backup", *options]
    environment = {**os.environ, "JOBD_SOCKET": server.path}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "accepted" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == status
    assert "goes on: jobd ctl logs -f" in err
    assert len(node.asked) == 1


def test_json_of_an_accepted_trigger_has_stable_keys(ctl: Ctl) -> None:
    document = ctl("trigger", "backup", "--json").json
    assert sorted(document) == ["accepted", "message", "node", "run", "run_ids"]


def test_errors_are_a_json_document_too(ctl: Ctl) -> None:
    assert json.loads(ctl("show", "bakup", "--json").out)["error"]["code"] == "no_such_job"


def test_a_removed_job_s_runs_are_still_found(ctl: Ctl, server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111", job="gone"))
    assert "aaaa1111" in ctl("runs", "gone").out


def test_the_state_of_a_paused_job_is_in_the_list(ctl: Ctl, node: FakeNode) -> None:
    view = node.views["backup"]
    node.add(replace(view, state=type(view.state).PAUSED))
    assert "paused" in ctl("jobs").out


def test_a_reader_that_goes_away_ends_the_logs_quietly(server: Served, node: FakeNode) -> None:
    """As in ``jobd ctl logs backup | head``."""
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"0123456789" * 100_000
    command = [sys.executable, "-m", "jobd", "ctl", "--socket", server.path, "logs", "backup"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(10) == b"0123456789"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE_S) == 1
