"""``jobd``: the command line's root, and how its errors become exit statuses."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from jobd import __version__
from jobd.cli import exits
from jobd.cli.lazy import Lazy, LazyGroup
from jobd.config.problem import ConfigErrors
from jobd.errors import ConfigError, JobdError, StateError, StoreUnavailable, SupervisorError

COMMANDS = {
    "run": Lazy("jobd.cli.run", "run", "The daemon, in the foreground."),
    "check": Lazy("jobd.cli.check", "check", "Validate a configuration without running it."),
    "next": Lazy("jobd.cli.next", "next_ticks", "Print the coming ticks."),
    "simulate": Lazy(
        "jobd.cli.simulate.command", "command", "Replay the schedule without running anything."
    ),
    "schema": Lazy("jobd.cli.schema", "schema", "JSON Schema of the configuration, for editors."),
    "doctor": Lazy("jobd.cli.doctor.command", "doctor", "Can this machine keep the promises?"),
    "completion": Lazy(
        "jobd.cli.completion", "completion", "Print the completion script of a shell."
    ),
    "migrate": Lazy("jobd.cli.migrate", "migrate", "Create or upgrade the store's tables."),
    "import": Lazy(
        "jobd.cli.importing.group", "importing", "Print what another scheduler was told."
    ),
    "ctl": Lazy("jobd.cli.ctl.group", "ctl", "Ask or control the daemon on this node."),
}


@click.group(cls=LazyGroup, commands_of=COMMANDS)
@click.version_option(__version__, prog_name="jobd")
def jobd() -> None:
    """Periodic jobs that never overlap, never pile up, and can be asked why."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status."""
    try:
        status = jobd.main(arguments, prog_name="jobd", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(exits.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(exits.INTERRUPTED)
    except JobdError as error:
        click.echo(told(error), err=True)
        sys.exit(exit_status(error))
    sys.exit(status if isinstance(status, int) else exits.OK)


def told(error: JobdError) -> str:
    """Return the lines that tell an error. What has a file and a line begins with them, as
    compilers' messages do; all else begins with whose message it is."""
    return str(error) if isinstance(error, ConfigErrors) else f"jobd: {error}"


def exit_status(error: JobdError) -> int:
    """Return the exit status that tells whose fault an error is."""
    if isinstance(error, ConfigError):
        return exits.BAD_CONFIG
    if isinstance(error, StateError):
        return exits.CANT_CREATE
    if isinstance(error, (StoreUnavailable, SupervisorError)):
        return exits.UNAVAILABLE
    return exits.FAILED
