"""JSON Schema of the configuration, for editors: made of the tables that judge it.

It never refuses what jobd takes, and refuses most of what jobd does not: what it cannot tell
(a user that exists, a duration within its bounds, what several files say together) is left to
``jobd check``. Drafts before 2020-12 understand all of it but ``prefixItems``, which editors that
know only those pass over.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from jobd.config import schema, shapes
from jobd.config.schema import Table, Written

DIALECT = "https://json-schema.org/draft/2020-12/schema"

TABLES: Mapping[str, type[Table]] = {
    "daemon": schema.DaemonTable,
    "store": schema.StoreTable,
    "limits": schema.LimitsTable,
}
# The words of each table of a key's own, by the name of its model.
_WORDS: Mapping[type[Table], str] = {
    schema.DaemonTable: "daemon",
    schema.StoreTable: "store",
    schema.LimitsTable: "limits",
    schema.PressureTable: "pressure",
    schema.PoolTable: "pool",
    schema.JobTable: "job",
    schema.DstTable: "dst",
    schema.RetriesTable: "retries",
    schema.ParamTable: "params",
    schema.StepsTable: "steps",
}
_INNER: Mapping[str, type[Table]] = {
    "pressure": schema.PressureTable,
    "dst": schema.DstTable,
    "retries": schema.RetriesTable,
    "steps": schema.StepsTable,
}
_OURS = (
    "^(JOBD_(JOB|RUN_ID|TICK|ATTEMPT|NODE|TRIGGER|FENCING_TOKEN|HOOK|OUTCOME|PARAM_.*)"
    "|NOTIFY_SOCKET|WATCHDOG_USEC)$"
)


@cache
def key_words() -> Mapping[str, Mapping[str, str]]:
    """Return what each key means, by table and key."""
    text = files("jobd.config").joinpath("keys.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def configuration_schema() -> dict[str, Any]:
    """Return the whole schema, as JSON Schema 2020-12."""
    about = key_words()["tables"]
    return {
        "$schema": DIALECT,
        "title": "jobd",
        "description": _sentence(about["configuration"]),
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "include": {
                "description": _sentence(key_words()["configuration"]["include"]),
                "type": "array",
                "items": {"type": "string"},
                "examples": [["jobs.d/*.toml"]],
            },
            **{name: _table(model) for name, model in TABLES.items()},
            "defaults": {"description": _sentence(about["defaults"]), "$ref": "#/$defs/job"},
            "pools": _named("pool", about["pools"]),
            "jobs": _named("job", about["jobs"]),
        },
        "$defs": {"job": _job(), "pool": _pool()},
    }


def default_of(model: type[Table], key: str) -> Any:
    """Return a key's default as the file has it; None where it has none that can be written."""
    field = model.model_fields[key]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default is None or default == "" or isinstance(default, Table):
        return None
    return _writer(field)(default)


def _named(kind: str, words: str) -> dict[str, Any]:
    """Return the shape of a table of tables: [jobs.NAME], [pools.NAME]."""
    return {
        "description": _sentence(words),
        "type": "object",
        "patternProperties": {shapes.NAME: {"$ref": f"#/$defs/{kind}"}},
        "additionalProperties": False,
    }


def _job() -> dict[str, Any]:
    """Return the shape of a job. A command is not required: [defaults] of another file may have
    it; what two keys mean together is told where they stand in one table."""
    job = _table(schema.JobTable)
    job["properties"]["env"]["propertyNames"] = {"not": {"pattern": _OURS}}
    kinds = ("schedule", "every", "after")
    beside = [[a, b] for n, a in enumerate(kinds) for b in kinds[n + 1 :]]
    is_shell = {"properties": {"shell": {"const": True}}, "required": ["shell"]}
    return job | {
        "allOf": [
            *({"not": {"required": pair}} for pair in beside),
            {"if": is_shell, "then": {"properties": {"command": {"type": "string"}}}},
        ]
    }


def _pool() -> dict[str, Any]:
    """Return the shape of a pool: its size is required, though its model has one."""
    pool = _table(schema.PoolTable)
    del pool["properties"]["size"]["default"]
    return pool | {"required": ["size"]}


def _table(model: type[Table]) -> dict[str, Any]:
    """Return the shape of a table, the tables in it included, with words and defaults."""
    made = model.model_json_schema(ref_template="{model}", schema_generator=_Generator)
    words = key_words()[_WORDS[model]]
    properties = {}
    for key, shape in made["properties"].items():
        properties[key] = _with_words(_key(key, shape), words[key])
        if (default := default_of(model, key)) is not None:
            properties[key]["default"] = default
    table: dict[str, Any] = {"type": "object", "additionalProperties": False}
    if about := key_words()["tables"].get(_WORDS[model]):
        table = {"description": _sentence(about), **table}
    return (
        table
        | {"properties": properties}
        | ({"required": made["required"]} if "required" in made else {})
    )


def _key(key: str, shape: dict[str, Any]) -> dict[str, Any]:
    """Return a key's shape, without what is pydantic's own: titles, defaults, references."""
    if key in _INNER:
        return _table(_INNER[key])
    kept = {name: value for name, value in shape.items() if name not in ("title", "default")}
    if key == "params":
        kept["patternProperties"] = {shapes.PARAM["pattern"]: _table(schema.ParamTable)}
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    return kept


def _with_words(shape: dict[str, Any], words: str) -> dict[str, Any]:
    """Return the shape with its words first, and the words for its kind behind them."""
    kind = "" if "properties" in shape else shape.get("description", "")
    bounds = kind if kind and not any(digit in words for digit in "0123456789") else ""
    return {"description": " ".join(filter(None, (_sentence(words), bounds)))} | {
        name: value for name, value in shape.items() if name != "description"
    }


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _writer(field: FieldInfo) -> Any:
    """Return the function that writes a key's default as the file has it."""
    written = next((part for part in field.metadata if isinstance(part, Written)), None)
    return (lambda value: value) if written is None else written.write


class _Generator(GenerateJsonSchema):
    """TOML has no null, and defaults are written by their own rules."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])
