"""Judge a table by its schema, and put pydantic's errors into words that name the mend."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from jobd.config.findings import Findings
from jobd.config.locate import KeyPath
from jobd.config.problem import Unfit
from jobd.config.schema import (
    DaemonTable,
    DstTable,
    JobTable,
    LimitsTable,
    ParamTable,
    PoolTable,
    PressureTable,
    RetriesTable,
    StoreTable,
    Table,
)
from jobd.config.source import Source
from jobd.config.suggest import unknown_key_mend

T = TypeVar("T", bound=Table)

HOMES = {
    "daemon": DaemonTable.model_fields,
    "store": StoreTable.model_fields,
    "limits": LimitsTable.model_fields,
    "jobs.NAME": JobTable.model_fields,
    "pools.NAME": PoolTable.model_fields,
}
_INNER: dict[str, type[Table]] = {
    "dst": DstTable,
    "retries": RetriesTable,
    "params": ParamTable,
    "pressure": PressureTable,
}
# pydantic's error type: what the value is not, and what to write. {…} is pydantic's context.
_WORDS = {
    "string_type": ("is no text", "write it in quotes"),
    "bool_type": ("is neither true nor false", "write true or false, without quotes"),
    "int_type": ("is no whole number", "write it without quotes, like 3"),
    "int_from_float": ("is no whole number", "write it without a fraction, like 3"),
    "float_type": ("is no number", "write it without quotes, like 0.5"),
    "finite_number": ("is no finite number", "write it like 0.5"),
    "list_type": ("is no list", 'write it like ["a", "b"]'),
    "dict_type": ("is no table", "write it like {{ name = value }}"),
    "model_type": ("is no table", "write it like {{ key = value }}"),
    "missing": ("is missing", "write it"),
    "greater_than_equal": ("is too small", "write {ge} or more"),
    "greater_than": ("is too small", "write more than {gt}"),
    "less_than_equal": ("is too large", "write {le} or less"),
}


def judge_table(
    model: type[T],
    keys: Mapping[str, object],
    source: Source,
    path: KeyPath,
    findings: Findings,
) -> T:
    """Return the table with its defaults; wrong keys are noted and left at their defaults."""
    try:
        return model.model_validate(keys, context=source.folder)
    except ValidationError as error:
        details = error.errors(include_url=False)
        for detail in details:
            _note(model, source, path, detail, findings)
        wrong = {detail["loc"][0] for detail in details if detail["loc"]}
        good = {key: value for key, value in keys.items() if key not in wrong}
        return model.model_validate(good, context=source.folder)


def _note(
    model: type[Table], source: Source, path: KeyPath, detail: Any, findings: Findings
) -> None:
    # pydantic marks what is wrong about a key itself by "[key]" at the end.
    loc = tuple(part for part in detail["loc"] if part != "[key]")
    # What an unknown key holds may well be a password.
    has_value = detail["type"] not in ("missing", "extra_forbidden") and loc == detail["loc"]
    message, mend = _words(model, loc, detail)
    findings.error(source, (*path, *loc), message, mend, detail["input"] if has_value else None)


def _words(model: type[Table], loc: KeyPath, detail: Any) -> tuple[str, str]:
    context = detail.get("ctx", {})
    if isinstance(unfit := context.get("error"), Unfit):
        return unfit.message, unfit.mend
    if detail["type"] == "extra_forbidden":
        return "is no key here", _unknown_mend(model, loc)
    message, mend = _WORDS.get(detail["type"], (detail["msg"], "see docs/configuration.md"))
    return message, mend.format_map(context)


def _unknown_mend(model: type[Table], loc: KeyPath) -> str:
    key = str(loc[-1])
    if len(loc) == 1:
        return unknown_key_mend(key, model.model_fields, HOMES)
    inner = _INNER.get(str(loc[0]))
    return unknown_key_mend(key, inner.model_fields if inner else (), {})
