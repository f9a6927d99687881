"""Specifiers: %i, %n and the like, as far as a unit's name and folders tell (systemd.unit(5)).

What only the machine knows that will run the job (its name, its boot) is not resolved.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SPECIFIER = re.compile(r"%(.?)", re.DOTALL)
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")

# Of the system's service manager, which runs as root.
_FIXED: Mapping[str, str] = {
    "%": "%",
    "t": "/run",
    "S": "/var/lib",
    "C": "/var/cache",
    "L": "/var/log",
    "E": "/etc",
    "T": "/tmp",  # noqa: S108 -- what systemd means by it
    "V": "/var/tmp",  # noqa: S108 -- likewise
    "h": "/root",
    "u": "root",
    "U": "0",
    "g": "root",
    "G": "0",
}


@dataclass(frozen=True, slots=True)
class UnitName:
    """``prefix@instance.kind``; ``instance`` is None where there is no @, "" for a template."""

    prefix: str
    instance: str | None
    kind: str

    @classmethod
    def of(cls, name: str) -> "UnitName":
        """Return the parts of a name such as "pg_dump@15-main.timer"."""
        stem, dot, kind = name.rpartition(".")
        stem, kind = (stem, kind) if dot else (name, "")
        prefix, at, instance = stem.partition("@")
        return cls(prefix, instance if at else None, kind)

    def __str__(self) -> str:
        return f"{self.stem}.{self.kind}" if self.kind else self.stem

    @property
    def stem(self) -> str:
        """The name without its kind."""
        return self.prefix if self.instance is None else f"{self.prefix}@{self.instance}"

    @property
    def template(self) -> str:
        """The name of the template that this is an instance of; "" if it is none."""
        return f"{self.prefix}@.{self.kind}" if self.instance else ""

    def with_kind(self, kind: str) -> "UnitName":
        """Return the name of the unit of another kind that goes with this one."""
        return UnitName(self.prefix, self.instance, kind)


def resolve(text: str, name: UnitName) -> tuple[str, tuple[str, ...]]:
    """Return the text with the specifiers replaced that can be, and those that cannot."""
    unknown: list[str] = []

    def replace(match: re.Match[str]) -> str:
        value = _value(match[1], name)
        if value is None:
            unknown.append(match[0])
            return match[0]
        return value

    return _SPECIFIER.sub(replace, text), tuple(unknown)


def _value(letter: str, name: UnitName) -> str | None:
    instance, last = name.instance or "", name.prefix.rpartition("-")[2]
    named = {
        "n": str(name),
        "N": name.stem,
        "p": name.prefix,
        "P": unescape(name.prefix),
        "i": instance,
        "I": unescape(instance),
        "j": last,
        "J": unescape(last),
        "f": "/" + unescape(instance or name.prefix),
    }
    return _FIXED.get(letter, named.get(letter))


def unescape(escaped: str) -> str:
    """Return the text that systemd-escape(1) turned into part of a unit's name."""
    data = escaped.replace("-", "/").encode(errors="surrogateescape")
    data = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), data)
    return data.decode(errors="replace")
