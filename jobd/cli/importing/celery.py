"""``jobd import celery``: Celery beat's schedule as jobd's configuration."""

from pathlib import Path

import click

from jobd.cli.described import Described
from jobd.cli.importing.delivery import EXITS, deliver, output_option, refuse
from jobd.cli.importing.zone import checked_zone
from jobd.config.importers.celery.beat import import_beat
from jobd.config.importers.celery.probe import place_of, probe
from jobd.config.importers.imported import NotImportable


@click.command(
    "celery",
    cls=Described,
    examples=[
        (
            "jobd import celery --path /srv/shop shop.celery:app",
            "the beat schedule of an application",
        ),
    ],
    exits=EXITS,
)
@click.argument("target", metavar="MODULE:ATTR")
@click.option(
    "--python",
    default="python3",
    metavar="PATH",
    show_default=True,
    help="The interpreter that has the application and Celery, which jobd need not have.",
)
@click.option(
    "--path",
    "folder",
    default=".",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder in which the application is imported.  [default: this one]",
)
@click.option(
    "--timezone",
    metavar="ZONE",
    help="The zone of an application that names none.  [default: that of this machine]",
)
@output_option
def celery(
    target: str, python: str, folder: Path, timezone: str | None, output: Path | None
) -> int:
    """Print the configuration that does what Celery's beat does.

    MODULE:ATTR is the application, as for celery -A, or a beat_schedule beside it. It is imported
    by its own interpreter. Each job runs its task itself, in place of putting it into a queue.
    """
    zone = checked_zone(timezone)
    try:
        place = place_of(target, python, folder)
        document = probe(target, place)
    except NotImportable as error:
        return refuse(error)
    return deliver(import_beat(document, place, zone), output)
