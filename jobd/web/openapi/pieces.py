"""Pieces that schemas are made of (JSON Schema 2020-12, as OpenAPI 3.1 has it)."""

from enum import StrEnum
from typing import Any

Schema = dict[str, Any]

FLAG: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
ANYTHING: Schema = {}
INSTANT: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": "Z$",
    "examples": ["2026-03-29T01:00:00Z"],
}


def record(about: str, /, **keys: Schema) -> Schema:
    """Return the schema of an object that has exactly these keys."""
    return {
        "type": "object",
        "description": about,
        "properties": keys,
        "required": [*keys],
        "additionalProperties": False,
    }


def table(of: Schema, about: str = "") -> Schema:
    """Return the schema of an object whose keys are names."""
    return {"type": "object", "additionalProperties": of, **_described(about)}


def rows(of: Schema, about: str = "") -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": of, **_described(about)}


def maybe(of: Schema, about: str = "") -> Schema:
    """Return the schema of something that may be null; ``about`` says when."""
    if isinstance(of.get("type"), str):
        return {**of, "type": [of["type"], "null"], **_nullable_enum(of), **_described(about)}
    return {"anyOf": [of, {"type": "null"}], **_described(about)}


def one_of(words: type[StrEnum], *more: str) -> Schema:
    """Return the schema of an enumeration's values."""
    return {"type": "string", "enum": [*(word.value for word in words), *more]}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document's."""
    return {"$ref": f"#/components/schemas/{name}"}


def said(of: Schema, about: str) -> Schema:
    """Return a schema with what there is to say about it."""
    return {**of, "description": about}


def _nullable_enum(of: Schema) -> Schema:
    return {"enum": [*of["enum"], None]} if "enum" in of else {}


def _described(about: str) -> Schema:
    return {"description": about} if about else {}
