"""jobd.toml(5): every table and key, from the JSON Schema and its words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.man.commands import SOURCE, TITLE
from deploy.man.roff import Page
from jobd.config.json_schema import configuration_schema

EXAMPLE = """\
include = ["jobs.d/*.toml"]

[daemon]
timezone = "Europe/Berlin"

[defaults]
timeout = "1h"
memory_max = "1G"

[jobs.backup]
command = ["/usr/local/bin/backup", "--all"]
user = "backup"
schedule = "30 2 * * *"
jitter = "10m"
"""
Shape = Mapping[str, Any]


def configuration_page() -> Page:
    """Return jobd.toml(5)."""
    schema = configuration_schema()
    page = Page("jobd.toml", 5, TITLE, SOURCE, "configuration of jobd")
    page.head("SYNOPSIS")
    page.paragraph("`/etc/jobd/jobd.toml`", is_first=True)
    _describe(page)
    page.head("TOP LEVEL")
    page.terms([("include", schema["properties"]["include"]["description"])])
    for name in ("daemon", "store", "limits"):
        _table(page, f"[{name}]", schema["properties"][name])
    _table(page, "[pools.NAME]", schema["$defs"]["pool"])
    page.head("[defaults]")
    page.paragraph(schema["properties"]["defaults"]["description"], is_first=True)
    page.paragraph(
        "A job's value replaces the default's whole; only `env` is joined, name by name."
    )
    _table(page, "[jobs.NAME]", schema["$defs"]["job"])
    page.head("EXAMPLE")
    page.block(EXAMPLE.splitlines())
    page.head("SEE ALSO")
    page.paragraph("jobd(1), jobd-ctl(1), crontab(5)", is_first=True)
    return page


def _describe(page: Page) -> None:
    page.head("DESCRIPTION")
    page.paragraph(
        "The file is TOML. `-c` names another one, or a directory of which every `*.toml` is read. "
        "Each table and each job stands in one file. Keys that are not known are errors; "
        "`jobd check` tells all of them at once, with what to write instead. `jobd schema` prints "
        "a JSON Schema for editors.",
        is_first=True,
    )
    page.paragraph(
        'Durations are numbers with units, largest first: `"90s"`, `"15m"`, `"1h30m"`, `"2d"`. '
        'Sizes are powers of 1024: `"512M"`, `"2G"`; units are K, M, G, T. Relative paths start '
        "at the folder of the file in which they stand."
    )
    page.paragraph(
        "When jobd runs as root, a file that anyone but its owner and group may write is refused. "
        "SIGHUP, or `jobd ctl reload`, reads everything again: all of it or nothing."
    )


def _table(page: Page, title: str, shape: Shape) -> None:
    page.head(title)
    page.paragraph(shape["description"], is_first=True)
    page.terms(_keys(shape))


def _keys(shape: Shape, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key with its words, and behind it those of a table that it holds."""
    required = shape.get("required", ())
    for key, inner in shape["properties"].items():
        yield f"{above}{key}", f"{inner['description']} {_default(inner, key in required)}"
        if "properties" in inner:
            yield from _keys(inner, f"{above}{key}.")
        for values in inner.get("patternProperties", {}).values():
            if "properties" in values:
                yield from _keys(values, f"{above}{key}.NAME.")


def _default(shape: Shape, is_required: bool) -> str:
    if is_required:
        return "Required."
    if shape.get("default") in (None, [], {}):
        return ""
    return f"Default: `{json.dumps(shape['default'])}`."
