"""``jobd migrate``: create or upgrade the store's tables."""

from pathlib import Path

import anyio
import click

from jobd.cli import exits
from jobd.cli.described import Described
from jobd.cli.options import config_option
from jobd.cli.shared_store import shared_store
from jobd.config.load import load
from jobd.daemon.lifecycle import store_path
from jobd.errors import StateError, StoreUnavailable
from jobd.ports import Store
from jobd.store.sqlite import SqliteStore


@click.command(
    "migrate",
    cls=Described,
    examples=[
        (
            "JOBD_STORE_URL=postgresql://jobd_owner@db/jobd jobd migrate",
            "as the owner of the tables",
        ),
    ],
    exits=exits.told(exits.OK, exits.BAD_CONFIG)
    | {exits.UNAVAILABLE: "the store cannot be reached, or made ready"},
)
@config_option
def migrate(path: Path) -> int:
    """Create or upgrade the tables of the store, and of this node's own file."""
    config = load(path)
    try:
        if config.store.is_shared:
            anyio.run(_migrate, shared_store(config, migrate=True))
            click.echo(f"{config.store.shown_url} is up to date")
        anyio.run(_migrate, SqliteStore(store_path(config), node=config.daemon.node))
    except (StateError, StoreUnavailable) as error:
        words = error.words if isinstance(error, StoreUnavailable) else error
        click.echo(f"jobd: {words}", err=True)
        return exits.UNAVAILABLE
    click.echo(f"{store_path(config)} is up to date")
    return exits.OK


async def _migrate(store: Store) -> None:
    try:
        await store.open()
    finally:
        await store.close()
