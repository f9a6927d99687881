"""Paging: a list, some of it at a time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """One page of a list: its number from 1 on, how many there are, and the list's length."""

    items: Sequence[T]
    number: int
    pages: int
    first: int  # the place of its first item in the list, from 1 on
    total: int


def paged(items: Sequence[T], wanted: int, most: int) -> Paged[T]:
    """Return page ``wanted`` of ``most`` items; the last one if there are not so many."""
    pages = max(-(-len(items) // most), 1)
    number = min(max(wanted, 1), pages)
    first = (number - 1) * most
    return Paged(items[first : first + most], number, pages, first + 1, len(items))
