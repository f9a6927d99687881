"""Shapes: what a value looks like in the file, as JSON Schema; one for each reader of values.

An editor refuses what does not have its shape, so a shape never refuses what the reader takes:
where one cannot tell (a time zone that exists, a pattern that compiles, a duration within its
bounds), it allows, and the description says what holds. Patterns are of ECMA 262, as JSON
Schema wants them, and mean the same to Python.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from jobd.config.kinds import RETRIED
from jobd.config.units import format_duration, format_size
from jobd.core.cron_fields import MACROS

Shape: TypeAlias = Mapping[str, Any]

_NUMBER = r"[0-9]{1,12}(\.[0-9]{1,6})?"
_DURATION = rf"^({_NUMBER}d)?({_NUMBER}h)?({_NUMBER}m)?({_NUMBER}s)?$"
_SIZE = rf"^{_NUMBER}[KMGT]?$"
_PERCENT = r"^[0-9]{1,6}(\.[0-9]{1,3})?%$"

TEXT: Shape = {"type": "string"}
FILLED: Shape = {"type": "string", "minLength": 1}
PATH: Shape = {"type": "string", "pattern": "^[^~]"}
PATTERN: Shape = {"type": "string", "maxLength": 1000}  # of Python, not of ECMA 262
ZONE: Shape = {"type": "string", "minLength": 1, "examples": ["UTC", "Europe/Berlin"]}
ACCOUNT: Shape = {"type": "string", "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$"}
NODE: Shape = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$"}
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # of a job or a pool
POOL: Shape = {"type": "string", "pattern": r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$"}
PARAM: Shape = {"type": "string", "pattern": r"^[a-z][a-z0-9_]{0,99}$"}
VARIABLE: Shape = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"}
UMASK: Shape = {"type": "string", "pattern": r"^0?[0-7]{3}$", "examples": ["0022", "0077"]}
ADDRESS: Shape = {
    "type": "string",
    "pattern": r"^((\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})?$",
    "examples": ["127.0.0.1:9746", "[::1]:9746", ""],
}
CRON: Shape = {
    "type": "string",
    "maxLength": 1000,
    "pattern": r"^\s*(@[A-Za-z]+|[^\s@]\S*(\s+\S+){4,5})\s*$",
    "examples": ["*/10 * * * *", "30 2 * * *", "H H * * *", "0 9 * * mon-fri", *MACROS],
}
STORE: Shape = {
    "type": "string",
    "pattern": r"^(sqlite$|postgres(ql)?://)",
    "examples": ["sqlite", "postgresql://jobd@db1,db2/jobd"],
}
URL: Shape = {
    "type": "string",
    "maxLength": 2000,
    "pattern": r"^([Hh][Tt][Tt][Pp][Ss]?://\S+)?$",
    "examples": ["https://hc-ping.com/KEY/{job}"],
}
SIGNAL: Shape = {
    "anyOf": [
        {"type": "string", "pattern": r"^[A-Za-z]{2}[A-Za-z0-9+]*$"},
        {"type": "integer", "minimum": 1, "maximum": 64},
    ],
    "examples": ["TERM", "INT", "QUIT", "HUP"],
}
EXIT_CODES: Shape = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "integer", "minimum": 0, "maximum": 255},
    "examples": [[0, 3]],
}
OUTCOMES: Shape = {
    "type": "array",
    "minItems": 1,
    "items": {"enum": [outcome.value for outcome in RETRIED]},
}
CORES: Shape = {
    "anyOf": [
        {"type": "string", "pattern": _PERCENT},
        {"type": "number", "minimum": 0.01, "maximum": 1024},
    ],
    "examples": ["50%", "200%", 0.5],
}
MEMORY_SHARE: Shape = {
    "type": "string",
    "anyOf": [{"pattern": _SIZE}, {"pattern": _PERCENT}],
    "examples": ["60%", "2G"],
}
COMMAND: Shape = {
    "anyOf": [
        {"type": "string", "pattern": r"\S"},
        {
            "type": "array",
            "minItems": 1,
            "prefixItems": [FILLED],
            "items": {"type": "string"},
        },
    ],
    "examples": [["/usr/local/bin/backup", "--all"], "/usr/local/bin/backup --all"],
}
HOOK: Shape = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {
            "type": "object",
            "properties": {"url": {**URL, "minLength": 1}},
            "required": ["url"],
            "additionalProperties": False,
        },
    ],
    "examples": [["/usr/local/bin/alert"], {"url": "https://chat.example.com/hook"}],
}


def duration(shortest: timedelta, longest: timedelta) -> Shape:
    """Return the shape of durations; their bounds stand in words, as no pattern has them."""
    bounds = f"{format_duration(shortest)} to {format_duration(longest)}"
    return {
        "type": "string",
        "minLength": 1,
        "pattern": _DURATION,
        "description": f"A duration, {bounds}.",
        "examples": ["90s", "15m", "1h30m", "2d"],
    }


def size(smallest: int, largest: int) -> Shape:
    """Return the shape of sizes; their bounds stand in words."""
    bounds = f"{format_size(smallest)} to {format_size(largest)}"
    return {
        "type": "string",
        "pattern": _SIZE,
        "description": f"A size, {bounds}.",
        "examples": ["64K", "512M", "2G"],
    }


def choice(options: type[StrEnum]) -> Shape:
    """Return the shape of one of a few words."""
    return {"enum": [option.value for option in options]}
