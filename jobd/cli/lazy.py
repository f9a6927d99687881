"""A command group that imports a sub-command only when it is the one asked for.

``jobd ctl status`` must not pay for the daemon's libraries, nor for the other commands'.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from jobd.cli.described import Exits, write_exits


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is defined, and its line in the help, which must not import it."""

    module: str
    name: str
    help: str


class LazyGroup(click.Group):
    """A click group over a table of :class:`Lazy` commands."""

    def __init__(
        self, *args: Any, commands_of: Mapping[str, Lazy], exits: Exits | None = None, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._lazy = commands_of
        self.exits: Exits = exits or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        entry = self._lazy.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(entry.module), entry.name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands that begin so, from the table: click would import each of them."""
        commands = [
            CompletionItem(name, help=entry.help)
            for name, entry in self._lazy.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write with what its commands leave."""
        write_exits(self.exits, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table's lines into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._lazy.items()])
