"""``jobd import crontab``: crontabs, system crontabs and anacrontabs as jobd's configuration."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from jobd.cli.described import Described
from jobd.cli.importing.delivery import EXITS, deliver, output_option, refuse
from jobd.cli.importing.zone import checked_zone
from jobd.config.importers.crontab.files import Stated, files_at, text_of
from jobd.config.importers.crontab.importer import Settings, import_crontabs
from jobd.config.importers.crontab.run_parts import scripts_of
from jobd.config.importers.crontab.text import CrontabFile, Kind
from jobd.config.importers.imported import Finding, NotImportable
from jobd.config.names import account
from jobd.config.problem import Unfit

_STDIN = Path("-")


@click.command(
    "crontab",
    cls=Described,
    examples=[
        ('crontab -l | jobd import crontab --user "$USER" -', "one's own crontab"),
        (
            "jobd import crontab /etc/crontab /etc/cron.d /var/spool/cron/crontabs",
            "all of a machine",
        ),
    ],
    exits=EXITS,
)
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--system", "is_system", is_flag=True, help="The sixth field is the user, as in /etc/crontab."
)
@click.option("--user", metavar="NAME", help="Whose crontab it is.")
@click.option(
    "--timezone",
    metavar="ZONE",
    help="The zone by which cron goes.  [default: that of this machine]",
)
@click.option(
    "--expand",
    is_flag=True,
    help="Of a line with run-parts, make a job of each script that is in its folder now.",
)
@output_option
def crontab(
    paths: tuple[Path, ...],
    is_system: bool,
    user: str | None,
    timezone: str | None,
    expand: bool,
    output: Path | None,
) -> int:
    """Print the configuration that does what crontabs say.

    FILE is a crontab, an anacrontab, "-" for standard input, or a folder of them: /etc/crontab
    and /etc/cron.d have a field for users, and in /var/spool/cron/crontabs the name of a file is
    its user. Nothing is switched off: cron goes on until its lines are gone.
    """
    if is_system and user is not None:
        raise click.UsageError("give --system, whose lines name their user, or --user, not both")
    stated = Stated(Kind.SYSTEM if is_system else None, _checked_user(user))
    settings = Settings(checked_zone(timezone), scripts_of if expand else None)
    try:
        found = [one for path in paths for one in _at(path, stated)]
        files = [one for one in found if isinstance(one, CrontabFile)]
        passed_over = tuple(one for one in found if isinstance(one, Finding))
        imported = import_crontabs(files, settings)
    except NotImportable as error:
        return refuse(error)
    return deliver(imported.with_findings(passed_over), output)


def _at(path: Path, stated: Stated) -> Iterator[CrontabFile | Finding]:
    if path != _STDIN:
        yield from files_at(path, stated)
        return
    text = text_of(sys.stdin.buffer.read())
    yield CrontabFile("<stdin>", text, stated.kind or Kind.USER, stated.user)


def _checked_user(user: str | None) -> str | None:
    try:
        return None if user is None else account(user)
    except Unfit as unfit:
        raise click.UsageError(f'--user: "{user}" {unfit}') from None
