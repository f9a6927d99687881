"""The JSON Schema against the reader whose shape it tells, and against the words for people."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from jobd.config import schema as tables
from jobd.config.json_schema import configuration_schema, default_of, key_words
from jobd.config.load import load
from jobd.config.problem import ConfigErrors
from jobd.config.schema import JobTable, Table
from tests.config.test_fuzz import folder, toml

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
SHIPPED = CONFIG / "jobd.schema.json"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
EXAMPLES = sorted([*CONFIG.glob("*.toml"), *CONFIG.glob("jobs.d/*.toml")])

SCHEMA = configuration_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def complaints(text: str) -> list[str]:
    """Return the keys about which an editor would complain."""
    errors = VALIDATOR.iter_errors(tomllib.loads(text))
    return sorted(".".join(map(str, error.absolute_path)) for error in errors)


def is_refused(text: str) -> bool:
    """Return whether jobd refuses a file."""
    with folder() as path:
        file = path / "jobd.toml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file)
        except ConfigErrors:
            return True
    return False


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_that_ships_is_what_jobd_prints() -> None:
    """Mend: jobd schema > config/jobd.schema.json"""
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == SCHEMA


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid_and_names_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert complaints(text) == []
    named = re.match(r"#:schema (\S+)\n", text)
    assert named is not None
    assert (path.parent / named[1]).resolve() == SHIPPED


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_example_in_the_pages_is_valid(path: Path) -> None:
    found = re.findall(r"^```toml\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    assert [text for text in found if complaints(text)] == []


def test_what_the_reference_shows_as_a_comment_is_valid_too() -> None:
    """Who takes the # away must not see a red line appear."""
    jobs = (CONFIG / "reference.toml").read_text(encoding="utf-8").partition("[jobs.")[2]
    commented = re.findall(r"^# ([a-z_]+ = .*)$", jobs, re.MULTILINE)
    assert len(commented) > 20
    assert {line for line in commented if complaints(f"[jobs.a]\n{line}\n")} == set()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[jobs.a]\ncomand = 'x'", "jobs.a"),
        ("[jobs.a]\ntimeout = '5 min'", "jobs.a.timeout"),
        ("[jobs.a]\ntimeout = 300", "jobs.a.timeout"),
        ("[jobs.a]\nmemory_max = '64 MB'", "jobs.a.memory_max"),
        ("[jobs.a]\nschedule = '* * *'", "jobs.a.schedule"),
        ("[jobs.a]\nschedule = '0 3 * * *'\nevery = '5m'", "jobs.a"),
        ("[jobs.a]\noverlap = 'forbid'", "jobs.a.overlap"),
        ("[jobs.a]\ncommand = []", "jobs.a.command"),
        ("[jobs.a]\ncommand = ['x']\nshell = true", "jobs.a.command"),
        ("[jobs.a]\nnice = 20", "jobs.a.nice"),
        ("[jobs.a]\nenv = { JOBD_JOB = 'x' }", "jobs.a.env"),
        ("[jobs.a]\nretries = { delay = '5s' }", "jobs.a.retries"),
        ("[jobs.a]\nretries = { max = 1, on = ['canceled'] }", "jobs.a.retries.on.0"),
        ("[jobs.a]\non_failure = { uri = 'https://x' }", "jobs.a.on_failure"),
        ("[jobs.a]\nping_url = 'hc-ping.com/x'", "jobs.a.ping_url"),
        ("[jobs.a]\numask = 22", "jobs.a.umask"),
        ("[jobs.'a b']", "jobs"),
        ("[pools.a]", "pools.a"),
        ("[daemon]\nhttp = '9746'", "daemon.http"),
        ("[store]\nurl = 'mysql://x'", "store.url"),
        ("[limits]\nmemory_budget = 60", "limits.memory_budget"),
        ("[deamon]", ""),
    ],
)  # fmt: skip
def test_what_people_get_wrong_is_marked_where_it_stands(text: str, where: str) -> None:
    assert where in complaints(text)


_TELLING = [
    "", " ", "~", "5m", "5 min", "1.5h", "0s", "90", "5M", "512M", "1.5G", "64", "60%", "x%",
    "* * * * *", "@daily", "@DAILY", " @hourly ", "0 0 * * * *", "H H * * *", "* * *", "UTC",
    "skip", "allow", "latest", "cluster", "TERM", "sigint", "RTMIN+3", "rtmin+99", "0022", "022",
    "127.0.0.1:1", "[::1]:0", "sqlite", "postgres://a,b/x", "https://x/{job}", "HTTP://x:1/ y",
    "root", "www-data$", "a.b", "a b", "(?P<step>x)", "[", "x\ny", "\n", "ä",
]  # fmt: skip
# What JSON writes as one escape, which TOML understands.
_CHARACTERS = st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",))
_INNER = ["max", "delay", "on", "gap", "fold", "url", "start", "memory", "A", "a"]
_values = st.recursive(
    st.sampled_from(_TELLING)
    | st.text(_CHARACTERS, max_size=8)
    | st.integers(-2000, 20_000)
    | st.floats(0, 2)
    | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["max", "delay", "on", "gap", "fold", "url", "start", "memory", "A", "a"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=4,
)
_KEYS = [
    (table, key)
    for table, model in {
        "daemon": tables.DaemonTable,
        "store": tables.StoreTable,
        "limits": tables.LimitsTable,
        "pools.p": tables.PoolTable,
        "jobs.a": JobTable,
    }.items()
    for key in model.model_fields
]


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(_KEYS), _values)
def test_what_the_schema_refuses_jobd_refuses_as_well(key: tuple[str, str], value: object) -> None:
    """An editor that marks what is right teaches people to look away. The other direction cannot
    hold: no schema knows whether a user or a time zone exists."""
    table, name = key
    needed = {"jobs.a": "command", "pools.p": "size"}
    required = {"command": 'command = "x"\n', "size": "size = 1\n"}.get(needed.get(table, ""), "")
    text = f"[{table}]\n{'' if needed.get(table) == name else required}{name} = {toml(value)}\n"
    if complaints(text):
        assert is_refused(text), text


def models() -> Iterator[type[Table]]:
    for value in vars(tables).values():
        if isinstance(value, type) and issubclass(value, Table) and value is not Table:
            yield value


def shapes_in(shape: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key's shape, also those in tables."""
    for name, inner in shape.get("properties", {}).items():
        yield name, inner
        yield from shapes_in(inner)
    for inner in (*shape.get("patternProperties", {}).values(), *shape.get("$defs", {}).values()):
        yield from shapes_in(inner)


def test_every_key_has_a_shape_and_words() -> None:
    """What is missing has to be added to jobd/config/keys.toml, and to docs/configuration.md."""
    told = {name for name, _ in shapes_in(SCHEMA)}
    assert {name for model in models() for name in model.model_fields} - told == set()
    assert [name for name, shape in shapes_in(SCHEMA) if not shape.get("description")] == []


def test_every_default_is_written_as_the_file_would_have_it() -> None:
    written = dict(shapes_in(SCHEMA))
    assert {
        key: written[key]["default"] for key in ("kill_after", "output_max", "stop_signal")
    } == {
        "kill_after": "10s",
        "output_max": "1M",
        "stop_signal": "TERM",
    }
    assert written["http"]["default"] == "127.0.0.1:9746"
    assert written["memory_budget"]["default"] == "60%"
    bad = [
        (name, shape["default"])
        for name, shape in shapes_in(SCHEMA)
        if "default" in shape and not Draft202012Validator(shape).is_valid(shape["default"])
    ]
    assert bad == []


@pytest.mark.parametrize("model", list(models()))
def test_a_default_that_is_written_out_changes_nothing(model: type[Table]) -> None:
    required = {"steps": {"start": "(?P<step>x)"}, "retries": {"max": 1}}
    base = required.get(model.__name__.removesuffix("Table").lower(), {})
    found = {key: default_of(model, key) for key in model.model_fields if key not in base}
    written = {key: value for key, value in found.items() if value is not None}
    written.pop("max_instances", None)
    judged = model.model_validate({**base, **written}, context="/")
    assert judged == model.model_validate(base, context="/")


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield each key of the page's tables: table, key, meaning without links."""
    sections = {"pools.NAME": "pool", "defaults": "job"}
    section = table = ""
    for line in (ROOT / "docs/configuration.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (?:\[(.*?)\])?", line):
            section = sections.get(heading[1] or "", heading[1] or "")
        if inner := re.match(r"\| key of `(\w+)`", line):
            table = inner[1]
        elif line.startswith("| key |"):
            table = section
        elif row := re.match(r"\| `(\w+)` \| (.*) \| .* \|$", line):
            plain = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", row[2]).replace(r"\|", "|")
            yield table, row[1], plain


def test_the_page_and_the_schema_say_the_same() -> None:
    """One of the two would be forgotten when a key changes its meaning."""
    words = key_words()
    found = [row for row in rows() if row[0]]
    assert len(found) > 60
    assert [(table, key) for table, key, said in found if words[table].get(key) != said] == []
