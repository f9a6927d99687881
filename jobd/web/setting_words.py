"""Effective settings in words: name and value as the configuration writes them, who set it, and
what holds it; and where a job is defined otherwise. From the JSON of the questions, for ctl and
for pages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jobd.web.brief import NOTHING, duration, size

_UNSET = {
    "user": "the daemon's",
    "group": "the user's",
    "cwd": "the user's home",
    "umask": "0022",
    "stdin": "/dev/null",
    "pattern": "anything",
}


class SettingRow(NamedTuple):
    """One value: a table's parts are rows of their own."""

    name: str
    value: str
    source: str  # job, defaults, daemon, limits or "built in"
    held_by: str


def setting_rows(settings: Mapping[str, Any]) -> Iterator[SettingRow]:
    """Yield every setting, in the order of the contract."""
    for key, setting in settings.items():
        for name, value in _flat(key, setting["value"]):
            yield SettingRow(name, value, setting["source"], _held_by(setting))


def drift_words(places: Sequence[Mapping[str, Any]]) -> str:
    """Return which other nodes define the job otherwise, or may."""
    surely = ", ".join(place["node"] for place in places if place["sure"])
    perhaps = ", ".join(place["node"] for place in places if not place["sure"])
    words = (surely, f"perhaps {perhaps}, which does not say" if perhaps else "")
    return "; ".join(word for word in words if word)


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield key and value as the configuration writes them, a table's parts one by one."""
    name = key.removesuffix("_s").removesuffix("_bytes")
    if isinstance(value, Mapping) and value:
        for part, inner in value.items():
            yield from ((f"{name}.{below}", shown) for below, shown in _flat(part, inner))
    else:
        yield name, _value(key, value)


def _value(name: str, value: Any) -> str:
    """Return a value with its unit."""
    if value is None or value == {}:
        return _UNSET.get(name, "none")
    if name.endswith("_bytes"):
        return size(value)
    if name.endswith("_s"):
        return duration(value)
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _held_by(setting: Mapping[str, Any]) -> str:
    if setting["enforced_by"] == "none":
        return "NOTHING HERE"
    return setting["enforced_by"] or NOTHING
