"""Options that more than one command has. ``jobd ctl`` has its own: it asks a daemon."""

from pathlib import Path

import click

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("/etc/jobd/jobd.toml"),
    show_default=True,
    help="Configuration file, or a directory of them.",
)
