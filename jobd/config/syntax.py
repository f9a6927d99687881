"""Syntax errors of TOML in the words of the person who has to mend them."""

import re

_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(.*)")
_TWICE = re.compile(r"Cannot declare \((.*?),?\) twice")
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}

# What tomllib says first, then what it means and what to do about it.
_MENDS = (
    ("Invalid initial character for a key", "an empty or strange key", "put the key in quotes"),
    ("Invalid statement", "this is neither a table nor a key", "write [table] or key = value"),
    ("Expected '='", "a key without a value", "write key = value, one to a line"),
    ("Expected ']'", "a table's name is not closed", "write [table] on a line of its own"),
    ('Expected "\'"', "a text is not closed", "close the quote"),
    ("Unterminated string", "a text is not closed", "close the quote"),
    ("Illegal character '\\n'", "a text is not closed on its line", "close the quote"),
    ("Illegal character", "a control character", "leave it out, or write it as \\uXXXX"),
    ("Unescaped '\\'", "a backslash that escapes nothing", "write \\\\, or use single quotes"),
    ("Unclosed array", "a list is not closed", "put commas between its values and ] at its end"),
    ("Unclosed inline table", "a { … } is not closed", "write it on one line, or as [a.table]"),
    ("Cannot overwrite a value", "a key that has a value already", "leave one of them out"),
    ("Cannot redefine", "a key that has a value already", "leave one of them out"),
    ("Cannot mutate immutable", "adds to a { … } or […] that is closed", "write it there"),
    ("Cannot declare", "a table that is there already", "leave one of them out"),
    ("Hex value too long", "no character has that code", "write \\uXXXX"),
    ("Escaped character is not", "no character has that code", "write \\uXXXX"),
)


def syntax_mend(said: str, line: str) -> tuple[str, str]:
    """Return what is wrong on a line and the mend. Never its value, which may be a secret."""
    if said.startswith(("Invalid value", "Expected newline")):
        return _value_mend(line)
    if match := _TWICE.match(said):
        table = ".".join(part.strip("' ") for part in match[1].split("', '"))
        return f"[{table}] is there twice", "join the two, or rename one of them"
    for start, message, mend in _MENDS:
        if said.startswith(start):
            return message, mend
    return f"is no TOML: {said}", "see https://toml.io"


def _value_mend(line: str) -> tuple[str, str]:
    match = _ASSIGNMENT.match(line)
    if match is None:
        return "something stands behind what was complete", "put it on a line of its own"
    key, value = match[1], match[2].partition("#")[0].strip()
    if not value:
        return f"{key} has no value", f'write {key} = "…"'
    lowered = value.lower()
    if lowered in _BOOLEANS or lowered in ("true", "false"):
        return f"the value of {key} is no TOML", f"write {_BOOLEANS.get(lowered, lowered)}"
    if value[0] in "\"'[{":
        return f"something stands behind the value of {key}", "put it on a line of its own"
    return f"the value of {key} is no TOML", f'put text in quotes: {key} = "…"'
