"""``jobd check``: validate a configuration without running it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

import click

from jobd.cli import exits
from jobd.cli.described import Described
from jobd.cli.many_secrets import secret_warnings
from jobd.cli.options import config_option
from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.config.model import Config
from jobd.config.outlook import outlook
from jobd.config.problem import ConfigErrors, Problem
from jobd.core.amounts import counted
from jobd.simulate.occasion import is_worth_simulating


@click.command(
    "check",
    cls=Described,
    examples=[
        ("jobd check", "the configuration of this machine"),
        ("jobd check -c jobs.d", "all files of a directory"),
    ],
    exits=exits.told(exits.BAD_CONFIG) | {exits.OK: "good; warnings may have been said"},
)
@config_option
def check(path: Path) -> int:
    """Validate a configuration without running it.

    Every error in one go, each with file, line, key, what was given and what to write.
    Warnings tell of jobs that would be regretted later: without timeout or memory ceiling,
    never to be admitted, herds, hours that a change of the clock leaves out; and of what a
    simulated day shows, where jobs have an expected_duration: skips, and memory that runs out.
    """
    try:
        config = load(path)
    except ConfigErrors as errors:
        for problem in errors.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{path}: {counted(len(errors.problems), 'error')}", err=True)
        return exits.BAD_CONFIG
    now = SystemClock().now()
    told = (config.warnings, secret_warnings(config), outlook(config, now), _foreseen(config, now))
    warnings = tuple(chain(*told))
    for warning in warnings:
        click.echo(f"{warning.place}: warning: {warning.words}", err=True)
    click.echo(f"OK: {counted(len(config.jobs), 'job')}, {counted(len(warnings), 'warning')}")
    return exits.OK


def _foreseen(config: Config, now: datetime) -> Sequence[Problem]:
    """Return what a simulated day shows, where there is an occasion to simulate one."""
    if not is_worth_simulating(config):
        return ()
    from jobd.simulate.foresight import foresight  # with the scheduler: it takes as long as check

    return foresight(config, now)
