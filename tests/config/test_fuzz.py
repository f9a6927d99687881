"""Whatever a file holds, only ConfigErrors come out of it, and each says what to write."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.config.load import load
from jobd.config.problem import ConfigErrors, Problem
from jobd.config.schema import (
    DaemonTable,
    JobTable,
    LimitsTable,
    PoolTable,
    RetriesTable,
    StoreTable,
)

_TABLES = {
    "daemon": DaemonTable,
    "store": StoreTable,
    "limits": LimitsTable,
    "pools.database": PoolTable,
    "pools.b": PoolTable,
    "defaults": JobTable,
    "jobs.a": JobTable,
    "jobs.b": JobTable,
    "jobs.a.retries": RetriesTable,
}
_TELLING = [
    "", " ", "5m", "5 min", "-1s", "1e9d", "512M", "64 MB", "* * * * *", "30 2 * * *", "@daily",
    "H H * * *", "61 * * * *", "0 0 30 2 *", "UTC", "Europe/Berlin", "Europe/Nowhere", "skip",
    "allow", "latest", "TERM", "50%", "0022", "[[a", "(?P<x>", "a{99999}", "../x", "~", "\0",
    "sqlite", "postgresql://u:p@h/d", "postgresql://", "postgres://a,b:x", "127.0.0.1:1", "node",
    "cluster", "database", "'", "a | b", "x" * 500,
]  # fmt: skip
_scalars = st.one_of(
    st.sampled_from(_TELLING),
    st.text(max_size=12),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
    st.times(),
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["max", "delay", "on", "gap", "fold", "pattern", "a", "A"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


patient = settings(deadline=None, max_examples=200)  # a busy machine is no failure


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def judge(content: bytes) -> None:
    """Load a file of this content; a refusal must name the file and say something."""
    with folder() as path:
        file = path / "jobd.toml"
        file.write_bytes(content)
        for problem in problems_of(file):
            assert problem.file == str(file)
            assert problem.message
            assert problem.mend
            assert "\n" not in str(problem)


def problems_of(file: Path) -> tuple[Problem, ...]:
    """Return what is wrong; any other exception than ConfigErrors is a failure of the test."""
    try:
        return load(file).warnings
    except ConfigErrors as errors:
        return errors.problems


def toml(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())} }}"
    return value.isoformat() if hasattr(value, "isoformat") else repr(value)


@patient
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_in_words(content: bytes) -> None:
    judge(content)


_LINES = [
    "[jobs.a]", "[jobs]", "[pools.a]", "[pools]", "[[pools]]", "size = 1", "pool = 'a'",
    "slots = 3", "nodes = ['a']", 'url = "postgres://a:b"', "[store]",
    "[[jobs]]", "[daemon]", "[defaults]", "[jobs.a.env]", 'command = "x"',
    'command = ["x", ', "]", '"""', "'''", 'schedule = "* * * * *"', "a = 1", "a.b = 2",
    "include = [", "x = {", "}", "= 3", "# c", "\\", "jobs = 3", "\ufeff", "\r", 'a = "',
    "timeout = 5 min",
]  # fmt: skip


@patient
@given(st.lists(st.sampled_from(_LINES) | st.text(max_size=8), max_size=12))
def test_documents_of_random_lines_are_refused_in_words(lines: list[str]) -> None:
    judge("\n".join(lines).encode("utf-8", errors="surrogatepass"))


@st.composite
def _documents(draw: st.DrawFn) -> str:
    text = ""
    for table, model in _TABLES.items():
        keys = draw(st.lists(st.sampled_from(sorted(model.model_fields)), max_size=4, unique=True))
        if "retries" in keys and table == "jobs.a":
            keys.remove("retries")
        text += f"[{table}]\n"
        text += "".join(f"{key} = {toml(draw(_values))}\n" for key in keys)
    return text


@patient
@given(_documents())
def test_random_values_of_every_key_are_refused_in_words(text: str) -> None:
    judge(text.encode("utf-8", errors="replace"))


@patient
@given(st.dictionaries(st.text(max_size=12), _values, max_size=5))
def test_random_tables_are_refused_in_words(tables: dict[str, object]) -> None:
    lines = (f"{toml(key)} = {toml(value)}" for key, value in tables.items())
    judge("\n".join(lines).encode("utf-8", errors="replace"))
