"""Writer: an Import as TOML for people, in the style of config/reference.toml.

No library: those that write TOML either write no comments or exist to edit files in place,
and all that is needed is to quote (https://toml.io/en/v1.0.0#string).
"""

import json
import re
from collections.abc import Iterator, Mapping
from textwrap import wrap

from jobd.config.importers.imported import Import, ImportedJob, Keys, Value

_WIDTH = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render(imported: Import) -> str:
    """Return the configuration, each job below the lines that it was made of.

    tomllib reads back the very values that were given. What could not be carried over ends
    the file as comments, so that it is not lost with the terminal.
    """
    parts = [_head(imported.head), *map(_job, imported.jobs), _tail(imported)]
    return "\n".join(part for part in parts if part)


def comment(text: str) -> str:
    """Return the text as comment lines, none of which ends one early."""
    lines = wrap(_flat(text), _WIDTH - 2, break_long_words=False, break_on_hyphens=False) or [""]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _flat(text: str) -> str:
    """Return the text on one line, in characters that a comment may have."""
    spaced = re.sub(r"[ \t]+", " ", text)
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in spaced)


def toml_value(value: Value) -> str:
    """Return a value as TOML, on one line but for texts of several."""
    if isinstance(value, str):
        return toml_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return "[" + ", ".join(toml_value(one) for one in value) + "]"


def toml_key(key: str) -> str:
    """Return a key, in quotes if it needs them."""
    return key if _BARE.fullmatch(key) else _basic(key)


def toml_text(text: str) -> str:
    """Return a string in the quotes in which a person reads it best."""
    if "\n" in text and _is_plain(text.replace("\n", "")) and _fits_between(text, "'''"):
        return f"'''\n{text}'''"  # the newline after the quotes is not part of it
    needs_escapes = '"' in text or "\\" in text
    if needs_escapes and _is_plain(text) and _fits_between(text, "'"):
        return f"'{text}'"
    return _basic(text)


def _is_plain(text: str) -> bool:
    return text.replace("\t", "").isprintable()


def _fits_between(text: str, quotes: str) -> bool:
    return quotes not in text and not text.endswith("'")


def _basic(text: str) -> str:
    # JSON escapes quotes, backslashes and what is below U+0020 as TOML does.
    return "".join(map(_shown, json.dumps(text, ensure_ascii=False)))


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 1 << 16 else f"\\U{ord(char):08x}"


def _head(sentences: tuple[str, ...]) -> str:
    return "".join(comment(sentence) for sentence in sentences)


def _job(job: ImportedJob) -> str:
    return "".join(_lines_of_job(job))


def _lines_of_job(job: ImportedJob) -> Iterator[str]:
    for line in job.source:
        yield f"# {_flat(line)}".rstrip() + "\n"  # as it stands there, however long
    for note in job.notes:
        yield comment(f"Note: {note}")
    table = f"jobs.{toml_key(job.name)}"
    yield f"[{table}]\n"
    inline, wide = _by_width(job.keys)
    yield _pairs(inline)
    for key, value in wide.items():
        yield f"[{table}.{toml_key(key)}]\n{_pairs(value)}"


def _pairs(keys: Keys) -> str:
    return "".join(f"{toml_key(key)} = {toml_value(value)}\n" for key, value in keys.items())


def _by_width(keys: Keys) -> tuple[dict[str, Value], dict[str, Mapping[str, Value]]]:
    """Return the keys to be written on a line each, and the tables too wide for one."""
    inline: dict[str, Value] = {}
    wide: dict[str, Mapping[str, Value]] = {}
    for key, value in keys.items():
        if isinstance(value, Mapping) and len(toml_value(value)) + len(key) > _WIDTH:
            wide[key] = value
        else:
            inline[key] = value
    return inline, wide


def _tail(imported: Import) -> str:
    if not imported.findings:
        return ""
    told = "".join(comment(str(finding)) for finding in imported.findings)
    return f"# Not carried over:\n#\n{told}"
