"""On which line each key stands."""

import tomllib
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobd.config.locate import KeyPath, locate

TRICKY = dedent('''\
    # [jobs.comment]
    a = 1
    [jobs."a.b"]  # [jobs.zz]
    command = ["x", # ]
      "[jobs.fake]", """
    [jobs.in-a-text]
    a = 3
    """,
     {k = 1, "q q".z = 'a # b'}]
    text = """a ""\\" [x] """""
    when = 1979-05-27 07:32:00
    u.v . 'w x' = {}
    "\\u0061\\n" = 1
    [[list]]
    x = 1
    [[list]]
    x = 2
    [list.sub]
    y = 1
    ''')


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("jobs",), 3),
        (("jobs", "a.b"), 3),
        (("jobs", "a.b", "command"), 4),
        (("jobs", "a.b", "command", 1), 5),
        (("jobs", "a.b", "command", 3, "q q", "z"), 9),
        (("jobs", "a.b", "text"), 10),
        (("jobs", "a.b", "when"), 11),
        (("jobs", "a.b", "u", "v", "w x"), 12),
        (("jobs", "a.b", "a\n"), 13),
        (("list", 0, "x"), 15),
        (("list", 1, "x"), 17),
        (("list", 1, "sub", "y"), 19),
    ],
)
def test_each_key_has_its_line(path: KeyPath, line: int) -> None:
    assert locate(TRICKY)[path] == line


def test_what_only_looks_like_a_key_has_no_line() -> None:
    found = {part for path in locate(TRICKY) for part in path}
    assert not found & {"comment", "zz", "fake", "in-a-text"}


def test_a_depth_leaves_out_what_lies_deeper() -> None:
    assert locate("[jobs.a]\nx = 1\n[jobs.b]\ny.z = 2\n", depth=2) == {
        ("jobs",): 1,
        ("jobs", "a"): 1,
        ("jobs", "b"): 3,
    }


_keys = st.text(min_size=1, max_size=8)
_scalars = st.one_of(
    st.integers(-(2**40), 2**40),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)


def _quoted(text: str) -> str:
    plain = "".join(
        char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in text
    )
    return f'"{plain}"'


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[\n" + "".join(f"  {_toml(item)}, # ]\n" for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{_quoted(key)} = {_toml(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }"
    return repr(value)


def _paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    here = {path} if path else set()
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return here.union(*(_paths(item, (*path, key)) for key, item in items))


@settings(deadline=None)
@given(st.dictionaries(_keys, st.dictionaries(_keys, _values, max_size=4), max_size=4))
def test_every_key_that_tomllib_finds_is_found(tables: dict[str, dict[str, object]]) -> None:
    """Two readers of one grammar: the locator may miss nothing and invent nothing."""
    text = "".join(
        f"[{_quoted(name)}]\n"
        + "".join(f"{_quoted(key)} = {_toml(value)}\n" for key, value in keys.items())
        for name, keys in tables.items()
    )
    assert set(locate(text)) == _paths(tomllib.loads(text))


@settings(deadline=None)
@given(st.lists(_values, min_size=1, max_size=5))
def test_lines_are_those_of_the_text(values: list[object]) -> None:
    text, expected = "", {}
    for number, value in enumerate(values):
        expected[f"key{number}"] = text.count("\n") + 1
        text += f"key{number} = {_toml(value)}\n"
    lines = locate(text)
    assert {key: lines[(key,)] for key in expected} == expected
