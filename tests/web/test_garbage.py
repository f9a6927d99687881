"""Whatever arrives, the daemon answers with a 4xx in JSON, or closes, and lives on."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.web.openapi.operations import CONTROLS, QUESTIONS
from tests.web.fake_node import Served, served
from tests.web.raw import exchange, read

FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
NAMES = (
    "api v1 jobs runs backup trigger output why pause cancel nodes pools report drain undrain .."
)
PARTS = st.sampled_from([*NAMES.split(), ""]) | st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("garbage")) as running:
        yield running


def is_alive(target: Served) -> bool:
    return target.get("/healthz").status == 200


@FEW
@given(st.binary(max_size=2000), st.booleans())
def test_bytes_that_are_no_http_harm_nothing(target: Served, raw: bytes, tcp: bool) -> None:
    assert b"Traceback" not in exchange(target, raw + b"\r\n\r\n", tcp=tcp)
    assert is_alive(target)


@FEW
@given(
    st.sampled_from([b"GET", b"POST", b"GE T", b"\x16\x03\x01"]),
    st.binary(max_size=60),
    st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=60)), max_size=5),
    st.binary(max_size=100),
)
def test_requests_that_are_almost_http_get_json_or_nothing(
    target: Served, method: bytes, path: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    lines = [method + b" /" + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close"]
    lines += [name + b": " + value for name, value in headers]
    answer = exchange(target, b"\r\n".join(lines) + b"\r\n\r\n" + body, tcp=False)
    assert answer == b"" or b"application/json" in answer or b" 200 " in answer.split(b"\r\n")[0]
    assert is_alive(target)


@pytest.mark.parametrize("tcp", [True, False])
def test_what_is_no_http_gets_a_400_in_json(target: Served, tcp: bool) -> None:
    with target.connect(tcp=tcp) as connection:
        connection.sendall(b"EHLO example.com\r\n\r\n")
        answer = read(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.")
    assert b" 400 " in head.split(b"\r\n")[0]
    assert json.loads(body)["error"]["code"] == "bad_request"


@FEW
@given(METHODS, st.lists(PARTS, max_size=6), JSON, st.booleans())
def test_every_path_and_body_gets_an_answer_in_json_that_is_no_500(
    target: Served, method: str, parts: list[str], body: object, tcp: bool
) -> None:
    path = "/" + "/".join(_quoted(part) for part in parts)
    got = target.request(method, path, body, tcp=tcp)
    assert got.status < 500
    if method != "HEAD" and got.status >= 400:
        assert {"code", "message"} <= got.json["error"].keys()


ASKED = [
    (path.replace("{job}", "backup").replace("{run}", "aaaa1111"), name)
    for path, operation in QUESTIONS.items()
    for name in operation.query
]


@FEW
@given(st.sampled_from(ASKED), st.text(max_size=50), st.text(max_size=50))
def test_every_query_gets_an_answer_that_is_no_500(
    target: Served, asked: tuple[str, str], name: str, value: str
) -> None:
    path, known = asked
    for one in (known, name):
        got = target.get(f"{path}?{_quoted(one)}={_quoted(value)}", tcp=True)
        assert got.status < 500
        if got.status >= 400:
            assert {"code", "message"} <= got.json["error"].keys()


@FEW
@given(st.sampled_from(sorted(CONTROLS)), JSON)
def test_every_body_of_a_control_gets_an_answer_that_is_no_500(
    target: Served, path: str, body: object
) -> None:
    keys = CONTROLS[path].body
    for sent in (body, dict.fromkeys(keys, body)):
        got = target.post(path.replace("{job}", "backup").replace("{run}", "aaaa1111"), sent)
        assert got.status < 500
        assert b"Traceback" not in got.body


def test_a_compressed_body_is_not_unpacked(target: Served) -> None:
    """A few kilobytes of it could become gigabytes."""
    got = target.request(
        "POST", "/api/v1/jobs/backup/trigger", b"\x1f\x8b\x08junk", **{"Content-Encoding": "gzip"}
    )
    assert got.status == 400


def test_a_request_that_is_never_finished_holds_nobody_up(target: Served) -> None:
    with target.connect() as unfinished:
        unfinished.sendall(b"POST /api/v1/reload HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        assert is_alive(target)


def _quoted(part: str) -> str:
    return "".join(f"%{byte:02x}" for byte in part.encode(errors="surrogatepass"))
