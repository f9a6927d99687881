"""``jobd migrate``: create or upgrade the store's tables."""

import sys
from pathlib import Path

import anyio
import click

from jobd.config.load import load
from jobd.config.model import Config
from jobd.daemon.lifecycle import store_path
from jobd.errors import ConfigError, StateError, StoreUnavailable
from jobd.store.sqlite import SqliteStore

EX_CONFIG = 78
EX_UNAVAILABLE = 69


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
def migrate(path: Path) -> None:
    """Create or upgrade the store's tables."""
    try:
        config = load(path)
        anyio.run(_migrate, config)
    except ConfigError as error:
        _give_up(str(error), EX_CONFIG)
    except (StateError, StoreUnavailable) as error:
        _give_up(str(error), EX_UNAVAILABLE)
    click.echo(f"{store_path(config)} is up to date")


async def _migrate(config: Config) -> None:
    store = SqliteStore(store_path(config), node=config.daemon.node)
    try:
        await store.open()
    finally:
        await store.close()


def _give_up(words: str, status: int) -> None:
    click.echo(f"jobd: {words}", err=True)
    sys.exit(status)
