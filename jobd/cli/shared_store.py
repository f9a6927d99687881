"""The shared store that a configuration names. A node alone does not pay for its driver."""

from typing import TYPE_CHECKING

from jobd.config.model import Config

if TYPE_CHECKING:
    from jobd.store.postgres import PgStore


def shared_store(config: Config, *, migrate: bool | None = None) -> "PgStore":
    """Return the store, not opened yet. ``migrate`` None: as the configuration says."""
    from jobd.store.postgres import PgStore

    settings = config.store
    return PgStore(
        settings.url,
        node=config.daemon.node,
        lease_ttl=settings.lease_ttl,
        migrate=settings.migrate if migrate is None else migrate,
    )
