"""TLS by the URL: what is asked of the server's certificate, asyncpg and libpq's words say."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.cluster.postgres import PrivatePostgres, is_installed
from jobd.errors import StoreUnavailable
from jobd.store.postgres import PgStore


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate of a host that signs itself; return it and its key."""
    cert, key = folder / "server.crt", folder / "server.key"
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    names = ["-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"]
    command = ["openssl", "req", *words, *names, "-out", str(cert), "-keyout", str(key)]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    return cert, key


@pytest.fixture(scope="module")
def server(postgres: PrivatePostgres) -> Iterator[PrivatePostgres]:
    """A server that encrypts. (``postgres`` is there to say what to install, if need be.)"""
    assert is_installed()
    encrypting = PrivatePostgres(fsync=False, settings={"ssl": "on"})
    try:
        encrypting.create()
        for path in certificate(encrypting.data, "db1"):
            path.chmod(0o600)
            encrypting.own(path)
        encrypting.start()
        yield encrypting
    finally:
        encrypting.remove()


def store_of(server: PrivatePostgres, query: str) -> PgStore:
    url = f"{server.url()}?{query}"
    return PgStore(url, node="a", lease_ttl=timedelta(seconds=30))


def is_encrypted(server: PrivatePostgres) -> bool:
    """Whether every connection of a jobd to the server is."""
    found = server.sql(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE application_name LIKE 'jobd%'"
    )
    return found == "t"


async def test_the_connection_is_encrypted_where_the_url_asks_for_it(
    server: PrivatePostgres,
) -> None:
    store = store_of(server, "sslmode=require")
    await store.open()
    assert is_encrypted(server)
    await store.close()


async def test_a_certificate_of_the_named_authority_is_trusted(server: PrivatePostgres) -> None:
    store = store_of(server, f"sslmode=verify-full&sslrootcert={server.data / 'server.crt'}")
    await store.open()
    assert is_encrypted(server)
    await store.close()


async def test_a_certificate_of_anybody_else_is_not(
    server: PrivatePostgres, tmp_path: Path
) -> None:
    """Whoever answers in the database's place must not get to decide what runs."""
    other, _ = certificate(tmp_path, "db1")
    store = store_of(server, f"sslmode=verify-full&sslrootcert={other}")
    with pytest.raises(StoreUnavailable, match="certificate"):
        await store.open()
    await store.close()
