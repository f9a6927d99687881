"""The description of the API holds: every route is in it, and every answer is as it says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from openapi_spec_validator import validate

from jobd.core.effects import Refused
from jobd.core.events import OperatorEvent
from jobd.web.app import AUDIT, CONTROLS, QUESTIONS, describe
from jobd.web.node import ReloadResult
from jobd.web.openapi import operations
from tests.web.busy_node import fill
from tests.web.fake_node import BrokenStore, FakeNode, Got, Served, served

DOCUMENT = describe("0.1.0")
PATHS: dict[str, Any] = DOCUMENT["paths"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
EXAMPLES = {"{job}": "backup", "{run}": "aaaa1111"}
QUERIES = {
    "/api/v1/runs": ["?limit=1", "?job=backup&outcome=active"],
    "/api/v1/jobs/{job}/why": ["?at=10:15&limit=3", "?at=2026-11-23T11:00"],
    "/api/v1/report": ["?job=backup"],
    "/api/v1/audit": ["?target=backup&limit=2"],
}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a node of which there is something to say under every key."""
    with served(tmp_path_factory.mktemp("busy")) as running:
        running.call(fill(running.node))
        yield running


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """Return what judges by a schema that refers to others of the document."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def check(got: Got, operation: dict[str, Any]) -> None:
    """Hold an answer against what its operation promises for its status."""
    promised = operation["responses"]
    answer = promised.get(str(got.status)) or promised[f"{got.status // 100}XX"]
    media = got.headers["content-type"].partition(";")[0]
    schema = answer["content"][media]["schema"]
    if media == "application/json":
        validator(schema).validate(got.json)
    for name in answer.get("headers", ()):
        assert name.lower() in got.headers


def example_of(path: str) -> str:
    for name, value in EXAMPLES.items():
        path = path.replace(name, value)
    return path


def test_the_document_is_openapi() -> None:
    validate(DOCUMENT)


def test_every_route_is_in_it_and_nothing_else(server: Served) -> None:
    asked = {path for path, methods in PATHS.items() if "get" in methods}
    wished = {path for path, methods in PATHS.items() if "post" in methods}
    assert asked == {"/", "/metrics", *QUESTIONS, *AUDIT}
    assert wished == CONTROLS.keys()
    assert operations.QUESTIONS.keys() | operations.CONTROLS.keys() == PATHS.keys()
    assert server.get("/api/v1/openapi.json", tcp=True).json == DOCUMENT


def test_every_schema_is_used() -> None:
    used = set(re.findall(r"#/components/schemas/(\w+)", repr(DOCUMENT)))
    assert used == SCHEMAS.keys()


def test_every_operation_says_what_it_is_for() -> None:
    operations_of = [operation for methods in PATHS.values() for operation in methods.values()]
    assert [one for one in operations_of if not one["summary"]] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    validator_for(SCHEMAS[name], default=Draft202012Validator).check_schema(SCHEMAS[name])


@pytest.mark.parametrize("tcp", [True, False])
@pytest.mark.parametrize("path", [path for path in PATHS if "get" in PATHS[path]])
def test_every_answer_is_as_it_says(busy: Served, path: str, tcp: bool) -> None:
    for query in ["", *QUERIES.get(path, [])]:
        got = busy.get(example_of(path) + query, tcp=tcp)
        assert got.status in (200, 404 if tcp and path in AUDIT else 200), got.body
        check(got, PATHS[path]["get"])


def test_answers_of_a_bare_node_are_as_it_says(server: Served) -> None:
    """Nothing has run, there is no cluster: most is null, or empty."""
    for path in ("/", *QUESTIONS, *AUDIT):
        check(server.get(example_of(path)), PATHS[path]["get"])


def test_answers_of_a_node_without_a_store_are_as_it_says(tmp_path: Path) -> None:
    with served(tmp_path) as running:
        running.node.store = BrokenStore()
        running.node.readiness = (False, "the store does not answer")
        for path in ("/", *QUESTIONS, *AUDIT):
            check(running.get(example_of(path)), PATHS[path]["get"])


@pytest.mark.parametrize("name", ["Run", "ActiveRun", "Verdict", "OneJob", "Status", "Usage"])
def test_the_busy_node_says_something_under_every_key(busy: Served, name: str) -> None:
    """Of a key that is always null nothing would be tested."""
    paths = [example_of(path) for path in ("/api/v1/status", *QUERIES, "/api/v1/jobs/{job}")]
    paths += ["/api/v1/jobs", "/api/v1/runs", "/api/v1/runs/bbbb2222"]
    told: set[str] = set()
    for path in paths:
        for found in _objects(busy.get(path).json):
            if found.keys() == SCHEMAS[name]["properties"].keys():
                told |= {key for key, value in found.items() if value is not None}
    rare = {"signal", "retry_at", "grown_step", "memory_budget_bytes"}
    assert SCHEMAS[name]["properties"].keys() - told - rare == set()


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    for inner in document.values() if isinstance(document, dict) else document:
        if isinstance(inner, dict | list):
            yield from _objects(inner)


@pytest.mark.parametrize("path", CONTROLS)
def test_every_control_answers_as_it_says(server: Served, path: str) -> None:
    server.call(server.node.start_run("aaaa1111"))
    got = server.post(example_of(path))
    assert got.status == 200, got.body
    check(got, PATHS[path]["post"])


def test_refusals_are_as_it_says(server: Served, node: FakeNode) -> None:
    def refuse(event: OperatorEvent) -> Refused:
        active = node.views["backup"].runs[0].run
        return Refused(event.request_id, "busy", "active", active)

    server.call(node.start_run("aaaa1111"))
    node.on_ask = refuse
    node.reload_result = ReloadResult(errors=("a.toml:1: bad",))
    for path, status in (("/api/v1/jobs/backup/trigger", 409), ("/api/v1/reload", 422)):
        got = server.post(path)
        assert got.status == status
        check(got, PATHS[path.replace("backup", "{job}")]["post"])
    check(server.get("/api/v1/jobs/bakup"), PATHS["/api/v1/jobs/{job}"]["get"])


@pytest.mark.parametrize("path", [path for path in PATHS if "get" in PATHS[path]])
def test_every_query_parameter_is_in_it(busy: Served, path: str) -> None:
    """A handler refuses names that it does not know, and lists those that it does."""
    got = busy.get(f"{example_of(path)}?zzzz=1")
    named = [one["name"] for one in PATHS[path]["get"]["parameters"] if one["in"] == "query"]
    if got.status == 200:  # what monitoring asks takes no notice of a query
        assert path in ("/", "/metrics", "/healthz", "/readyz")
        assert named == []
        return
    known = got.json["error"]["message"].partition("known: ")[2]
    assert known == (", ".join(named) or "none")


@pytest.mark.parametrize("path", CONTROLS)
def test_every_key_of_a_body_is_in_it(server: Served, path: str) -> None:
    body = PATHS[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    message = server.post(example_of(path), {"zzzz": 1}).json["error"]["message"]
    assert message.partition("known: ")[2] == (", ".join(body["properties"]) or "none")


BOUNDS = [
    (path, one["name"], one["schema"]["maximum"])
    for path, methods in PATHS.items()
    for one in methods.get("get", {}).get("parameters", ())
    if "maximum" in one["schema"] and one["name"] not in ("wait", "follow")
]


@pytest.mark.parametrize(("path", "name", "most"), BOUNDS)
def test_bounds_in_it_are_those_that_hold(busy: Served, path: str, name: str, most: int) -> None:
    url = f"{example_of(path)}?{name}="
    assert busy.get(f"{url}{most}").status == 200
    assert busy.get(f"{url}{most + 1}").status == 400


def test_it_tells_what_is_on_the_socket_alone() -> None:
    wished = [methods["post"]["tags"] for methods in PATHS.values() if "post" in methods]
    assert {*map(tuple, wished)} == {("controls",)}
    assert PATHS["/api/v1/audit"]["get"]["tags"] == ["controls"]
