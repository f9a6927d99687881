"""What is secret shows nowhere: canaries in every place that may hold a secret, and a real
daemon asked in every way in which it can be asked."""

import http.client
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.web.openapi import operations
from tests.system.conftest import MakeNode
from tests.system.listener import Listener
from tests.system.node import JOBD, Node
from tests.system.processes import eventually

# Each unlike all others and anything else, so that one that is found says where it came from.
IN_ENV = "canary-env-41a9f0"
IN_ENV_FILE = "canary-file-7bd3c1e2"
IN_ARGV = "canary-argv-93e5d7"
IN_PARAM = "canary-param-5c0b28"
IN_HOOK = "canary-hook-e81f44"
IN_PING = "canary-ping-2d96ab"
IN_HOOK_ARGV = "canary-hookargv-0f7a31"
EVERYWHERE_SECRET = (IN_ENV, IN_ENV_FILE, IN_HOOK, IN_PING, IN_HOOK_ARGV)
NOT_WITHOUT_RIGHTS = (*EVERYWHERE_SECRET, IN_ARGV, IN_PARAM)

JOBS = """
[jobs.leaky]
command = ["sh", "-c", 'echo "$API_KEY and $SOME_NAME and $JOBD_PARAM_TOKEN"; exit 3', "{argv}"]
env = {{ API_KEY = "{env}" }}
env_file = "secret.env"
params = {{ token = {{ pattern = "[a-z0-9-]+" }} }}
on_failure = {{ url = "{url}/{hook}" }}
ping_url = "{url}/{ping}"
[jobs.strange]
command = ["sh", "-c", "kill -9 $$"]
env = {{ API_KEY = "{env}" }}
on_failure = ["sh", "-c", "echo $API_KEY $0 >&2; exit 1", "{hook_argv}"]
[jobs.cannot]
command = ["/no/such/program", "{argv}"]
env = {{ API_KEY = "{env}" }}
env_file = "secret.env"
[jobs.badfile]
command = "true"
env_file = "bad.env"
"""


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener().listening() as running:
        yield running


@pytest.fixture(scope="module")
def node(make_shared_node: MakeNode, listener: Listener) -> Node:
    """A node whose jobs have all run once, and said all that they know."""
    jobs = JOBS.format(
        env=IN_ENV, argv=IN_ARGV, url=listener.url, hook=IN_HOOK, ping=IN_PING,
        hook_argv=IN_HOOK_ARGV,
    )  # fmt: skip
    node = make_shared_node(jobs, http="127.0.0.1:0")
    (node.directory / "secret.env").write_text(f"SOME_NAME={IN_ENV_FILE}\n")
    (node.directory / "bad.env").write_text(f"A=1\n{IN_ENV_FILE}\n")
    node.start()
    done = node.ctl("trigger", "leaky", "--param", f"token={IN_PARAM}", "--wait")
    assert done.returncode == 3, done.stderr
    for job in ("strange", "cannot", "badfile"):
        node.run_to_end(job)
    eventually(lambda: any(IN_HOOK in one.path for one in listener.heard()), "the hook is called")
    eventually(lambda: node.log("hook failed"), lambda: f"a failed hook in {node.log_text()}")
    return node


def tcp_address(node: Node) -> tuple[str, int]:
    found = re.search(r'"http":"http://127\.0\.0\.1:(\d+)"', node.log_text())
    assert found is not None, node.log_text()
    return "127.0.0.1", int(found[1])


def over_tcp(node: Node, path: str, method: str = "GET") -> bytes:
    """Return headers and body of an answer."""
    connection = http.client.HTTPConnection(*tcp_address(node), timeout=60)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return repr(reply.getheaders()).encode() + reply.read()
    finally:
        connection.close()


def paths_of(node: Node) -> Iterator[str]:
    """Yield every question about every job and run; and some that are refused."""
    jobs = ("leaky", "strange", "cannot", "badfile")
    runs = [run["run_id"] for run in node.runs()]
    for path in operations.QUESTIONS:
        if "{job}" in path:
            yield from (path.replace("{job}", job) for job in jobs)
        elif "{run}" in path:
            yield from (path.replace("{run}", run) for run in runs)
        else:
            yield path
    yield from ("/api/v1/jobs/leaky?x=1", "/api/v1/jobs/leakx", "/nowhere", "/api/v1/runs?limit=x")


def found_in(data: bytes | str, canaries: tuple[str, ...]) -> list[str]:
    text = data if isinstance(data, str) else data.decode(errors="replace")
    return [canary for canary in canaries if canary in text]


def test_the_jobs_did_say_what_they_know(node: Node) -> None:
    """Or nothing would be tested: what was hidden leaves its mark."""
    (run,) = node.runs("leaky")
    assert node.output(run) == "[redacted] and [redacted] and [redacted]\n"


def test_over_tcp_no_answer_has_a_secret(node: Node) -> None:
    for path in paths_of(node):
        assert found_in(over_tcp(node, path), NOT_WITHOUT_RIGHTS) == [], path


def test_no_refusal_over_tcp_has_a_secret(node: Node) -> None:
    for path in operations.CONTROLS:
        answer = over_tcp(node, path.replace("{job}", "leaky").replace("{run}", "a"), "POST")
        assert found_in(answer, NOT_WITHOUT_RIGHTS) == [], path


def test_on_the_socket_only_arguments_and_parameters_are_shown(node: Node) -> None:
    """Whoever may control the daemon needs to see what it executes, and never the environment."""
    for path in paths_of(node):
        assert found_in(node.fetch(path)[1], EVERYWHERE_SECRET) == [], path
    assert IN_ARGV in node.fetch("/api/v1/jobs/leaky")[1]


def test_the_log_has_no_secret(node: Node) -> None:
    assert found_in(node.log_text(), NOT_WITHOUT_RIGHTS) == []


@pytest.mark.parametrize("words", [("show", "leaky"), ("runs",), ("status",), ("report",),
    ("why", "leaky"), ("logs", "leaky"), ("jobs",)])  # fmt: skip
def test_no_table_for_people_has_a_secret(node: Node, words: tuple[str, ...]) -> None:
    done = node.ctl(*words)
    assert found_in(done.stdout + done.stderr, EVERYWHERE_SECRET) == []


def test_nothing_that_was_posted_has_a_secret(node: Node, listener: Listener) -> None:
    """The address is the secret, and who has it may be told of the run: not more."""
    bodies = [repr(one.body) for one in listener.heard()]
    assert bodies
    assert [found_in(body, NOT_WITHOUT_RIGHTS) for body in bodies] == [[]] * len(bodies)


def test_no_process_of_ours_has_a_secret_in_its_arguments(node: Node) -> None:
    """ps shows arguments to everybody on the machine."""
    for pid in (node.pid, node.supervisor_pid):
        assert found_in(Path(f"/proc/{pid}/cmdline").read_bytes(), NOT_WITHOUT_RIGHTS) == []


def test_what_is_kept_on_disk_of_a_run_has_no_secret(node: Node) -> None:
    """Parameters are in the history, for those who may control the daemon, and for root."""
    files = [path for path in node.state.rglob("*") if path.is_file()]
    assert any("output" in path.parts for path in files)
    for path in files:
        assert found_in(path.read_bytes(), EVERYWHERE_SECRET) == [], path


def test_what_is_kept_on_disk_is_for_nobody_else(node: Node) -> None:
    """The directory is closed already; the files do not rely on it alone."""
    assert node.state.stat().st_mode & 0o777 == 0o700
    for path in node.state.rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o007 == 0, path


BROKEN = [
    'store = "{}"',
    '[store]\nurl = "postgresql://jobd:{}@db/x y"',
    '[store]\nurl = "postgresql://jobd@db/jobd?password={}&bad"',
    '[jobs.a]\ncommand = "true"\nenv = {{ API_KEY = "{}\\u0000" }}',
    '[jobs.a]\ncommand = ["x", "{}", 1]',
    '[jobs.a]\ncommand = "echo \'{}"',
    '[jobs.a]\ncommand = "true"\nping_url = "ftp://h/{}"',
    '[jobs.a]\ncommand = "true"\non_failure = {{ url = "https://h/{}#x" }}',
    '[jobs.a]\ncommand = "true"\nparams = {{ p = {{ default = "{}", pattern = "[0-9]" }} }}',
    '[jobs.a]\ncommand = "true"\nenv = {{ API_KEY = "{}" ',
    '[jobs.a]\ncommand = "true"\nenv.API_KEY = {}',
    '[jobs.a]\ncommand = "true"\nenv.API_KEY = "{}',
]


@pytest.mark.parametrize("text", BROKEN)
def test_no_complaint_about_a_configuration_repeats_a_secret(tmp_path: Path, text: str) -> None:
    """What `jobd check` says goes into logs of deployments, that many read."""
    config = tmp_path / "jobd.toml"
    config.write_text(text.format(IN_ENV))
    argv = [*JOBD, "check", "-c", str(config)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78, done.stdout
    assert found_in(done.stdout + done.stderr, (IN_ENV,)) == []
