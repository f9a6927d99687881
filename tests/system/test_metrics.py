"""What a daemon that runs shows of itself over HTTP."""

import http.client
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually

JOBS = """
[jobs.works]
command = "work 0"
schedule = "* * * * * *"
[jobs.lags]
command = "work 1.5 1"
schedule = "* * * * * *"
[jobs.by-hand]
command = "work 0"
memory_max = "64M"
timeout = "1m"
owner = 'team "a"\\b'
"""
OUTCOMES = ("success", "failure", "timeout", "oom", "canceled", "lost", "start_error")


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode) -> Node:
    """A node whose jobs have run, with a TCP listener on a free port."""
    node = make_shared_node(JOBS, http="127.0.0.1:0").start()
    eventually(lambda: len(node.journal.ends("lags")) >= 2, "both have run")
    return node


def url(node: Node, path: str) -> str:
    """Return the address at which the daemon says it listens."""
    return str(node.log("listening")[-1]["http"]) + path


def fetch(node: Node, path: str) -> str:
    """Return what TCP gives at a path."""
    with urllib.request.urlopen(url(node, path), timeout=60) as reply:
        return str(reply.read().decode())


def samples(text: str) -> dict[str, float]:
    """Return sample → value of an exposition."""
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_promtool_finds_nothing_to_say(node: Node, needs_tool: Callable[[str, str], str]) -> None:
    promtool = needs_tool("promtool", "prometheus")
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=fetch(node, "/metrics"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_job_s_series_are_there_from_the_start(make_node: MakeNode) -> None:
    """An alert on a rate needs the 0 before the first 1."""
    jobs = '[jobs.later]\ncommand = "true"\nschedule = "0 0 1 1 *"\n'
    node = make_node(jobs).start()
    found = samples(node.fetch("/metrics")[1])
    assert found['jobd_ticks_total{job_name="later"}'] == 0
    assert found['jobd_runs_active{job_name="later"}'] == 0
    ended = {o: found.get(f'jobd_runs_total{{job_name="later",outcome="{o}"}}') for o in OUTCOMES}
    assert ended == dict.fromkeys(OUTCOMES, 0.0)


def test_ticks_are_started_plus_skipped_in_any_scrape(node: Node) -> None:
    for _ in range(5):
        found = samples(fetch(node, "/metrics"))
        for job in ("works", "lags"):
            started = found[f'jobd_runs_started_total{{job_name="{job}",trigger="schedule"}}']
            started += found[f'jobd_runs_started_total{{job_name="{job}",trigger="catchup"}}']
            pattern = re.compile(rf'jobd_ticks_skipped_total\{{job_name="{job}",')
            skipped = sum(value for name, value in found.items() if pattern.match(name))
            assert found[f'jobd_ticks_total{{job_name="{job}"}}'] == started + skipped


def test_timestamps_are_there_right_after_a_restart(make_node: MakeNode) -> None:
    node = make_node(JOBS).start()
    node.run_to_end("by-hand")
    names = [
        f'jobd_last_{what}_timestamp_seconds{{job_name="by-hand"}}' for what in ("success", "run")
    ]
    before = [node.metric(name) for name in names]
    node.stop_daemon()
    node.start()
    assert None not in before
    assert [node.metric(name) for name in names] == before


def test_ceilings_are_shown(node: Node) -> None:
    found = samples(fetch(node, "/metrics"))
    assert found['jobd_job_memory_max_bytes{job_name="by-hand"}'] == 64 << 20
    assert found['jobd_job_timeout_seconds{job_name="by-hand"}'] == 60


def test_head_has_no_body_that_the_next_answer_would_begin_with(node: Node) -> None:
    connection = http.client.HTTPConnection(urlsplit(url(node, "")).netloc, timeout=60)
    for method, path in (("HEAD", "/metrics"), ("GET", "/healthz")):
        connection.request(method, path)
        reply = connection.getresponse()
        body = reply.read()
    connection.close()
    assert (reply.status, body) == (200, b'{"alive": true}\n')


def test_health_and_readiness_are_answered_on_both_listeners(node: Node) -> None:
    for path, words in (("/healthz", '"alive": true'), ("/readyz", '"ready": true')):
        assert words in fetch(node, path)
        assert node.fetch(path)[0] == 200


def test_tcp_only_answers_questions(node: Node) -> None:
    wish = urllib.request.Request(url(node, "/api/v1/jobs/works/trigger"), b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(wish, timeout=60)
    assert refused.value.code == 405
    assert "jobd ctl" in refused.value.read().decode()
    refused.value.close()


def test_a_daemon_that_stops_is_not_ready(make_node: MakeNode) -> None:
    node = make_node('[jobs.lasting]\ncommand = "work 30"\n', grace="1h").start()
    node.trigger("lasting")
    eventually(lambda: node.journal.starts(), "it runs")
    node.send(signal.SIGTERM)
    eventually(lambda: node.fetch("/readyz")[0] == 503, "it says so")
