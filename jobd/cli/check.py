"""``jobd check``: validate a configuration without running it."""

from collections.abc import Sized
from pathlib import Path

import click

from jobd.cli import exits
from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.config.outlook import outlook
from jobd.config.problem import ConfigErrors


@click.command("check")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("/etc/jobd/jobd.toml"),
    show_default=True,
    help="Configuration file, or a directory of them.",
)
def check(path: Path) -> int:
    """Validate a configuration without running it.

    Every error in one go, each with file, line, key, what was given and what to write.
    Warnings tell of jobs that would be regretted later: without timeout or memory ceiling,
    never to be admitted, herds, hours that a change of the clock leaves out.
    """
    try:
        config = load(path)
    except ConfigErrors as errors:
        for problem in errors.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{path}: {_counted(errors.problems, 'error')}", err=True)
        return exits.BAD_CONFIG
    warnings = (*config.warnings, *outlook(config, SystemClock().now()))
    for warning in warnings:
        click.echo(f"{warning.place}: warning: {warning.words}", err=True)
    click.echo(f"OK: {_counted(config.jobs, 'job')}, {_counted(warnings, 'warning')}")
    return exits.OK


def _counted(things: Sized, word: str) -> str:
    return f"{len(things):,} {word}{'' if len(things) == 1 else 's'}"
