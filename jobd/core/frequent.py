"""Frequent: frozen dataclasses of which every run makes several, made in half the time.

What ``dataclass(frozen=True)`` generates sets each field with ``object.__setattr__``, which
finds the slot by its name every time. A run is described by some eighty fields on its way,
and a herd is a thousand runs at once: it was a third of all that the scheduler did.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def frequent(cls: type[T]) -> type[T]:
    """Give a frozen, slotted dataclass an ``__init__`` that writes to its slots directly.

    It takes the same arguments and its instances are as frozen as before. For fields with
    plain defaults only: no factories, no ``__post_init__``.
    """
    parts = fields(cls)  # type: ignore[arg-type] # a dataclass: its decorator stands below ours
    names: dict[str, Any] = {f"set_{part.name}": getattr(cls, part.name).__set__ for part in parts}
    names |= {f"default_{part.name}": part.default for part in parts}
    arguments = ", ".join(map(_argument, parts))
    body = "\n".join(f" set_{part.name}(self, {part.name})" for part in parts)
    cls.__init__ = _function(f"def __init__(self, {arguments}):\n{body}", names)  # type: ignore[method-assign]
    return cls


def _argument(part: "Field[Any]") -> str:
    assert part.default_factory is MISSING, f"{part.name} has a factory for its default"
    return part.name if part.default is MISSING else f"{part.name}=default_{part.name}"


def _function(source: str, names: dict[str, Any]) -> Callable[..., None]:
    """Return the ``__init__`` of a source of ours, as dataclasses itself makes its methods."""
    exec(source, names)  # noqa: S102 - made of field names alone
    function: Callable[..., None] = names["__init__"]
    return function
