"""Frequent: frozen dataclasses of which every run makes several, made in a third of the time.

What ``dataclass(frozen=True)`` generates sets each field with ``object.__setattr__``, which
finds the slot by its name every time. A run is described by some eighty fields on its way,
and a herd is a thousand runs at once: it was a third of all that the scheduler did.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def frequent(cls: type[T]) -> type[T]:
    """Give a frozen, slotted dataclass an ``__init__`` that fills it before it freezes.

    While it is filled an instance belongs to a class without the guard, to which plain
    assignments are what the interpreter does best. It takes the same arguments, and its
    instances are as frozen as before. For fields with plain defaults only (no factories,
    no ``__post_init__``), and not to be derived from.
    """
    parts = fields(cls)  # type: ignore[arg-type] # a dataclass: its decorator stands below ours
    own = tuple(part.name for part in parts)
    _PARTS[cls] = (own, attrgetter(*own))
    names: dict[str, Any] = {f"default_{part.name}": part.default for part in parts}
    names |= {"frozen": cls, "thawed": _thawed(cls), "become": _BECOME}
    arguments = ", ".join(map(_argument, parts))
    body = "\n".join(f" self.{part.name} = {part.name}" for part in parts)
    source = f"def __init__(self, {arguments}):\n become(self, thawed)\n{body}\n"
    # To replace a method is what this decorator is for.
    cls.__init__ = _function(f"{source} self.__class__ = frozen", names)  # type: ignore[method-assign]
    return cls


def altered(instance: T, **changes: Any) -> T:
    """Return a copy of a frequent dataclass with some fields changed: ``dataclasses.replace``,
    which looks at the description of each field, in a third of the time."""
    names, values = _PARTS[type(instance)]
    return type(instance)(**{**dict(zip(names, values(instance), strict=True)), **changes})


# The names of each class's fields, and how to get at their values.
_PARTS: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {}

# object's own: a frozen instance would refuse even this assignment.
_BECOME = object.__dict__["__class__"].__set__


def _thawed(cls: type[T]) -> type[T]:
    """Return a class of the same layout whose instances can be assigned to."""
    # Both: the interpreter takes the short way only if neither is a Python function.
    writable = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls.__name__, (cls,), {"__slots__": (), **writable})


def _argument(part: "Field[Any]") -> str:
    assert part.default_factory is MISSING, f"{part.name} has a factory for its default"
    return part.name if part.default is MISSING else f"{part.name}=default_{part.name}"


def _function(source: str, names: dict[str, Any]) -> Callable[..., None]:
    """Return the ``__init__`` of a source of ours, as dataclasses itself makes its methods."""
    exec(source, names)  # noqa: S102 - made of field names alone
    function: Callable[..., None] = names["__init__"]
    return function
