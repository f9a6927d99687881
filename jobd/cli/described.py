"""Described: a command that shows by examples what it is for, and says with what it leaves.

The manual pages are made of the same words: deploy/man.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

Example = tuple[str, str]  # a line as it is typed, and what it is for
Exits = Mapping[int | str, str]  # an exit status, or words for many, and what it means


class Described(click.Command):
    """A click command with examples and exit statuses at the end of its help."""

    def __init__(
        self, *args: Any, examples: Sequence[Example] = (), exits: Exits | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.examples = tuple(examples)
        self.exits: Exits = exits or {}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples and exit statuses behind the options."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl(self.examples)
        write_exits(self.exits, formatter)


def write_exits(exits: Exits, formatter: click.HelpFormatter) -> None:
    """Write exit statuses into a help text."""
    if exits:
        with formatter.section("Exit status"):
            formatter.write_dl(list(in_order(exits)))


def in_order(exits: Exits) -> Iterator[tuple[str, str]]:
    """Yield exit statuses by their numbers, and last what stands for many."""
    numbers = sorted(status for status in exits if isinstance(status, int))
    yield from ((str(number), exits[number]) for number in numbers)
    yield from ((status, exits[status]) for status in exits if isinstance(status, str))
