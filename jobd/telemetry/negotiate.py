"""Negotiate: which format and encoding a scrape gets, from its request headers (RFC 9110)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_OPENMETRICS_VERSIONS = ("1.0.0", "0.0.1")


class Format(Enum):
    """The two exposition formats; each value is a Content-Type."""

    PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def content_type(self) -> str:
        """What the Content-Type header says."""
        return self.value


@dataclass(frozen=True, slots=True)
class _Choice:
    name: str
    weight: float
    params: dict[str, str]


def best_format(accept: str) -> Format:
    """Return OpenMetrics if the client likes it at least as well as text, else text."""
    openmetrics = text = 0.0
    for choice in _choices(accept):
        if choice.name == "application/openmetrics-text":
            is_ours = choice.params.get("version", "1.0.0") in _OPENMETRICS_VERSIONS
            openmetrics = max(openmetrics, choice.weight * is_ours)
        elif choice.name in ("text/plain", "text/*"):
            text = max(text, choice.weight)
    return Format.OPENMETRICS if openmetrics > 0 and openmetrics >= text else Format.PROMETHEUS


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the client takes gzip."""
    weights = {choice.name: choice.weight for choice in _choices(accept_encoding)}
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _choices(header: str) -> Iterator[_Choice]:
    for item in header.split(","):
        name, *rest = (part.strip().lower() for part in item.split(";"))
        pairs = (part.partition("=") for part in rest)
        params = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
        yield _Choice(name, _weight(params.pop("q", "1")), params)


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0  # what cannot be read is not wanted
