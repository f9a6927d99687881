"""Frequent dataclasses are made faster, and otherwise like any other frozen dataclass."""

import inspect
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from jobd.core.frequent import frequent


@frequent
@dataclass(frozen=True, slots=True)
class Fast:
    name: str
    count: int = 1
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    count: int = 1
    note: str | None = None


def test_it_takes_the_same_arguments_with_the_same_defaults() -> None:
    fast, plain = inspect.signature(Fast).parameters, inspect.signature(Plain).parameters
    assert [(p.name, p.kind, p.default) for p in fast.values()] == [
        (p.name, p.kind, p.default) for p in plain.values()
    ]


def test_every_field_gets_its_argument() -> None:
    assert repr(Fast("a", note="b")) == "Fast(name='a', count=1, note='b')"


def test_what_is_made_stays_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Fast("a").count = 2


def test_equal_values_are_equal_and_hash_alike() -> None:
    assert {Fast("a", 2), replace(Fast("a"), count=2)} == {Fast("a", 2)}


def test_a_missing_argument_is_an_error() -> None:
    with pytest.raises(TypeError, match="name"):
        Fast()


def test_a_default_that_is_made_anew_each_time_is_refused() -> None:
    """It would be made once and shared by all."""
    with pytest.raises(AssertionError, match="things has a factory"):

        @frequent
        @dataclass(frozen=True, slots=True)
        class Bad:
            things: list[str] = field(default_factory=list)
