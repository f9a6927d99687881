"""``jobd import``: the group, and where each of its commands is."""

import click

from jobd.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "crontab": Lazy("jobd.cli.importing.crontab", "crontab", "From crontabs and anacrontabs."),
    "systemd": Lazy("jobd.cli.importing.systemd", "systemd", "From systemd's timers."),
    "celery": Lazy("jobd.cli.importing.celery", "celery", "From Celery beat's schedule."),
}


@click.group("import", cls=LazyGroup, commands_of=COMMANDS)
def importing() -> None:
    """Print the configuration of jobd that does what another scheduler was told.

    The configuration goes to standard output. What it does not carry over is told line by line
    on standard error, with what to do instead. Nothing is installed or switched off.
    """
