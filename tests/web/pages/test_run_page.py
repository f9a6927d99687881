"""A run's page."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobd.core.outcome import Outcome
from jobd.core.run import RunState
from jobd.core.said import StepTime
from jobd.core.view import RunView
from jobd.errors import NodeUnavailable
from jobd.web.pages.ends import HEAD_BYTES, TAIL_BYTES
from tests.web.fake_node import NOW, FakeNode, Served, job_named, view_of, waiting_view
from tests.web.pages.reading import BROWSER, Reader, page_at, read

PAGE = "/runs/aaaa1111"
TICK = NOW - timedelta(minutes=5)


@pytest.fixture
def ended(server: Served, node: FakeNode) -> Any:
    """Return a function that lets the run be over, having written something."""

    def end(written: bytes = b"", outcome: Outcome = Outcome.SUCCESS, **facts: Any) -> None:
        server.call(node.start_run("aaaa1111", at=TICK + timedelta(seconds=2), fire_time=TICK))
        node.outputs["aaaa1111", 1] = written
        facts.setdefault("output_bytes", len(written))
        server.call(node.end_run("aaaa1111", outcome, **facts))

    return end


def output(page: Reader) -> str:
    """Return what the page shows of the output, white space made single."""
    return page.text.partition("Output as it is ")[2].partition(" As of ")[0]


def test_it_says_when_it_ran_and_how_late(server: Served, ended: Any) -> None:
    ended()
    text = read(server, PAGE).text
    assert "Tick 10:15:00" in text
    assert "2 s after it was due" in text
    assert "Took 3 s" in text
    assert "Fencing token 1" in text


def test_how_the_attempts_before_went_is_told(server: Served, node: FakeNode) -> None:
    """That the third one went well does not say what was wrong with the others."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=2)))
    assert "Attempts that were retried" not in read(server, PAGE).text
    server.call(node.retry("aaaa1111"))
    server.call(node.retry("aaaa1111"))
    server.call(node.end_run("aaaa1111", Outcome.SUCCESS))
    page = read(server, PAGE)
    assert "attempt 1 failure : exit status 4 10:18:00 2 min 1M app1" in page.rows
    assert "attempt 2 failure : exit status 4 10:20:00 < 1 ms 1M app1" in page.rows


def test_what_it_took_stands_beside_the_limits(server: Served, ended: Any) -> None:
    ended(memory_peak_bytes=384 << 20, cpu_s=1.5)
    rows = read(server, PAGE).rows
    assert "Duration 3 s 1 % of 5 min timeout" in rows
    assert "Memory peak 384M 75 % of 512M memory_max" in rows
    assert "CPU time 2 s no cpu_max" in rows


def test_of_a_run_that_goes_on_it_says_how_near_its_timeout_is(
    server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=4)))
    assert "Duration 4 min 80 % of 5 min timeout" in read(server, PAGE).rows


def between_attempts(server: Served, node: FakeNode, state: RunState) -> None:
    """Let a run of four minutes be at its second attempt, which began ten seconds ago."""
    server.call(node.start_run("aaaa1111", at=NOW - timedelta(minutes=4)))
    server.call(node.retry("aaaa1111"))
    (shown,) = node.views["backup"].runs
    run = replace(shown.run, attempt=2, retry_at=NOW + timedelta(minutes=1))
    began = NOW - timedelta(seconds=10)
    node.views["backup"] = replace(node.views["backup"], runs=(RunView(run, state, began),))


def test_a_timeout_counts_from_the_begin_of_the_attempt(server: Served, node: FakeNode) -> None:
    """All attempts with their pauses looked like one that was about to be killed."""
    between_attempts(server, node, RunState.RUNNING)
    assert "Duration 10 s 3 % of 5 min timeout" in read(server, PAGE).rows


def test_between_two_attempts_nothing_takes_time(server: Served, node: FakeNode) -> None:
    between_attempts(server, node, RunState.BACKOFF)
    page = read(server, PAGE)
    assert "retrying" in page.text
    assert "Next attempt 10:21:00 in 1 min" in page.text
    assert "Duration \N{EN DASH} 5 min timeout" in page.rows


def test_the_interval_is_used_by_all_attempts(server: Served, node: FakeNode) -> None:
    """The next tick is skipped for as long as any of them goes on."""
    between_attempts(server, node, RunState.RUNNING)
    assert "Duration, all attempts 4 min 27 % of 15 min interval" in read(server, PAGE).rows


def test_its_steps_are_told_with_their_shares(server: Served, ended: Any) -> None:
    ended(steps=(StepTime("load", 1.0), StepTime("send", 3.0)))
    assert "load 1 s 25 %" in read(server, PAGE).rows


def test_how_it_came_out_is_told_with_the_reason(server: Served, ended: Any) -> None:
    ended(outcome=Outcome.FAILURE, exit_code=3)
    assert "failure : exit status 3" in read(server, PAGE).text


def test_a_run_is_found_by_the_beginning_of_its_id(server: Served, ended: Any) -> None:
    ended()
    assert "Run aaaa1111" in read(server, "/runs/aaa").text


@pytest.mark.parametrize("path", ["/runs/nobody", "/runs/%3Cscript%3E", "/runs/..%2F..%2Fetc"])
def test_an_unknown_run_is_a_sentence(server: Served, path: str) -> None:
    got = page_at(server, path)
    assert got.status == 404
    assert b"<script>" not in got.body


def test_a_run_that_waits_says_for_what(server: Served, node: FakeNode) -> None:
    node.add(view_of(job_named(), waiting=(waiting_view("bbbb2222"),)))
    assert "It waits since 10:20:00 now : max running." in read(server, "/runs/bbbb2222").text


def test_what_it_wrote_is_data(server: Served, ended: Any) -> None:
    """Anybody who can make a job print something could else run a script in a browser."""
    ended(b"<script>alert(1)</script></pre><img src=x onerror=alert(1)> \x1b[31mred\x1b[0m\n")
    page = read(server, PAGE)
    assert output(page) == "<script>alert(1)</script></pre><img src=x onerror=alert(1)> red"
    assert [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes] == []


def test_of_much_output_both_ends_are_shown(server: Served, ended: Any) -> None:
    ended(b"first line\n" + b"x" * 99 + b"\n" + b"middle\n" * 100_000 + b"last line\n")
    got = page_at(server, PAGE)
    shown = output(Reader(got.body.decode()))
    assert shown.startswith("first line")
    assert shown.endswith("last line")
    assert "bytes are not shown here" in shown
    assert len(got.body) < HEAD_BYTES + TAIL_BYTES + 20_000


def test_what_is_not_kept_is_told(server: Served, node: FakeNode, ended: Any) -> None:
    node.lost_middle = (20, 2000)
    ended(b"begin " * 4 + b"." * 2000 + b"\nend\n", output_dropped_bytes=1980)
    shown = read(server, PAGE).text
    assert "of the middle are gone" in shown
    assert "bytes are not shown here end" in shown


def test_binary_output_is_shown_as_far_as_it_can_be(server: Served, ended: Any) -> None:
    ended(bytes(range(256)) * 4)
    assert "\N{SYMBOL FOR NULL}" in output(read(server, PAGE))


def test_each_attempt_has_its_own_output(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111"))
    server.call(node.retry("aaaa1111"))
    node.outputs["aaaa1111", 1], node.outputs["aaaa1111", 2] = b"it broke", b"it works"
    server.call(node.end_run("aaaa1111"))
    assert "it works" in read(server, PAGE).text
    assert "it broke" in read(server, f"{PAGE}?attempt=1").text


def test_a_node_that_is_away_takes_only_the_output_with_it(server: Served, node: FakeNode) -> None:
    server.call(node.start_run("aaaa1111", node="app2"))
    node.afar = NodeUnavailable("app2 is not up: last seen 3 min ago")
    text = read(server, PAGE).text
    assert "app2 is not up: last seen 3 min ago" in text
    assert "Node app2" in text


def test_without_the_script_a_run_that_goes_on_can_be_reloaded(
    server: Served, node: FakeNode
) -> None:
    server.call(node.start_run("aaaa1111"))
    node.outputs["aaaa1111", 1] = b"so far"
    page = read(server, PAGE)
    assert "It still runs. Reload to see what it has written since. so far" in page.text
    assert [*page.values("data-next")] == ["6"]


def test_parameters_are_for_the_control_socket(server: Served, node: FakeNode) -> None:
    """They become the job's environment, which is shown to nobody who may not control it."""
    server.call(node.start_run("aaaa1111", params=(("table", "hunter2"),)))
    socket = server.request("GET", PAGE, Accept=BROWSER).body
    assert [b"hunter2" in text for text in (socket, page_at(server, PAGE).body)] == [True, False]
