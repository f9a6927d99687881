"""``jobd migrate``: create or upgrade the store's tables."""

from pathlib import Path

import anyio
import click

from jobd.cli import exits
from jobd.config.load import load
from jobd.config.model import Config
from jobd.daemon.lifecycle import store_path
from jobd.errors import StateError
from jobd.store.sqlite import SqliteStore


@click.command("migrate")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("/etc/jobd/jobd.toml"),
    show_default=True,
    help="Configuration file, or a directory of them.",
)
def migrate(path: Path) -> int:
    """Create or upgrade the store's tables."""
    config = load(path)
    try:
        anyio.run(_migrate, config)
    except StateError as error:
        click.echo(f"jobd: {error}", err=True)
        return exits.UNAVAILABLE
    click.echo(f"{store_path(config)} is up to date")
    return exits.OK


async def _migrate(config: Config) -> None:
    store = SqliteStore(store_path(config), node=config.daemon.node)
    try:
        await store.open()
    finally:
        await store.close()
