"""The OpenAPI 3.1 document: routes from the application's tables, words from their docstrings."""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jobd.web.openapi import jobs, nodes, runs
from jobd.web.openapi.operations import CONTROLS, QUESTIONS, Operation
from jobd.web.openapi.pieces import TEXT, Schema, ref, said

Routes = Mapping[str, Callable[..., Any]]

_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_PARAMETERS: Mapping[str, Schema] = {
    "job": said(TEXT, "the job's name"),
    "run": said(TEXT, "the run's id, or the beginning of it that no other has"),
}
_OUTPUT_HEADERS = {
    "X-Jobd-Run": "the run's whole id",
    "X-Jobd-Attempt": "the attempt that wrote it",
    "X-Jobd-Attempts": "how many attempts there are",
    "X-Jobd-Next-Offset": "where to go on reading",
    "X-Jobd-Skipped-Bytes": "how much is no longer kept between the offset and the first byte",
    "X-Jobd-Complete": "true: nothing follows",
    "X-Jobd-Ended": "true: the run is over",
}
_ABOUT = (
    "Questions are answered on the HTTP port and on the control socket, controls on the "
    "socket alone. Instants are in UTC; `_s` are seconds, `_bytes` bytes. A key is never "
    "renamed or removed within v1; new ones may be added, and new values where a value is "
    "one of a list: pass over what you do not know."
)


@cache
def _schemas() -> Mapping[str, Schema]:
    return {**runs.SCHEMAS, **jobs.SCHEMAS, **nodes.SCHEMAS, "Document": {"type": "object"}}


def make_document(version: str, questions: Routes, controls: Routes) -> dict[str, Any]:
    """Return the document for these routes: path → handler, asked by GET and by POST.

    KeyError for a route that :mod:`jobd.web.openapi.operations` does not know.
    """
    paths: dict[str, dict[str, Any]] = {}
    for path, handler in questions.items():
        paths.setdefault(path, {})["get"] = _question(path, handler)
    for path, handler in controls.items():
        paths.setdefault(path, {})["post"] = _control(path, handler)
    return {
        "openapi": "3.1.0",
        "info": {"title": "jobd", "version": version, "description": _ABOUT},
        "tags": [
            {"name": "questions", "description": "On both listeners. They change nothing."},
            {"name": "controls", "description": "On the Unix socket alone; elsewhere a 405."},
        ],
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


def _question(path: str, handler: Callable[..., Any]) -> dict[str, Any]:
    operation = QUESTIONS[path]
    tag = "controls" if path == "/api/v1/audit" else "questions"
    return {**_described(handler, tag), **_parameters(path, operation), **_answers(path, operation)}


def _control(path: str, handler: Callable[..., Any]) -> dict[str, Any]:
    operation = CONTROLS[path]
    body = {"type": "object", "properties": operation.body, "additionalProperties": False}
    return {
        **_described(handler, "controls"),
        **_parameters(path, operation),
        "requestBody": {"required": False, "content": {"application/json": {"schema": body}}},
        **_answers(path, operation),
    }


def _described(handler: Callable[..., Any], tag: str) -> dict[str, Any]:
    words = (inspect.getdoc(handler) or "").replace("``", "`")
    summary, _, rest = words.partition("\n\n")
    told = {"tags": [tag], "summary": " ".join(summary.split())}
    return {**told, "description": rest} if rest else told


def _parameters(path: str, operation: Operation) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}
        for name in _PARAMETER.findall(path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in operation.query.items()
    ]
    return {"parameters": [*in_path, *in_query]}


def _answers(path: str, operation: Operation) -> dict[str, Any]:
    good = _json("the answer", operation.answer) if operation.answer else _text(path)
    others = {status: _json("the answer", name) for status, name in operation.others.items()}
    problem = _json("what is wrong", "Problem")
    return {"responses": {"200": good, **others, "4XX": problem, "5XX": problem}}


def _json(about: str, schema: str) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": ref(schema)}}}


def _text(path: str) -> dict[str, Any]:
    media = "text/plain"
    answer: dict[str, Any] = {"description": "text", "content": {media: {"schema": TEXT}}}
    if path.endswith("/output"):
        headers = {name: {"description": f, "schema": TEXT} for name, f in _OUTPUT_HEADERS.items()}
        return {**answer, "headers": headers}
    answer["content"]["application/openmetrics-text"] = {"schema": TEXT}
    return answer
