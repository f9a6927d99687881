"""``jobd import systemd``: timers and their services as jobd's configuration."""

from pathlib import Path

import click

from jobd.cli.described import Described
from jobd.cli.importing.delivery import EXITS, deliver, output_option, refuse
from jobd.cli.importing.zone import checked_zone
from jobd.config.importers.imported import NotImportable
from jobd.config.importers.systemd.folder import folders_of
from jobd.config.importers.systemd.importer import import_timers


@click.command(
    "systemd",
    cls=Described,
    examples=[
        ("jobd import systemd /etc/systemd/system /lib/systemd/system", "all timers of a machine"),
        ("jobd import systemd /lib/systemd/system/pg_dump@15-main.timer", "one of them"),
    ],
    exits=EXITS,
)
@click.argument("paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--timezone",
    metavar="ZONE",
    help="The zone of an OnCalendar= that names none.  [default: that of this machine]",
)
@click.option(
    "--keep-services",
    "keeps_services",
    is_flag=True,
    help="Jobs that let systemd execute the services, with all their settings.",
)
@output_option
def systemd(
    paths: tuple[Path, ...], timezone: str | None, keeps_services: bool, output: Path | None
) -> int:
    """Print the configuration that does what systemd's timers do.

    DIR is a folder of units, or a .timer file in one; name an instance of a template to import
    it. In several folders the first that has a unit counts, so name them in systemd's order.
    Nothing is switched off: the timers go on until they are disabled.
    """
    zone = checked_zone(timezone)
    try:
        folders, timers = folders_of(paths)
        imported = import_timers(folders, timers, zone=zone, keeps_services=keeps_services)
    except NotImportable as error:
        return refuse(error)
    return deliver(imported, output)
