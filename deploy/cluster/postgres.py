"""PrivatePostgres: a PostgreSQL server of one's own, in a folder, gone without a trace.

For ``make cluster`` and the tests. It listens on 127.0.0.1 at a free port and on a socket in
its folder, asks for a password, and writes to the disk as a real one does (``fsync``): a
server that answers before a commit is durable would show times and promise faults that no
real one has. PostgreSQL refuses to run as root; it then runs as the user ``postgres``, which
its package makes.

``POSTGRES_BIN`` in the environment names a folder of another version's programs, which that user
must be able to read; what is not in it (often ``psql``) comes from where it always does.
"""

import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
COMMAND_TIMEOUT_S = 60.0
MEND = "PostgreSQL's server programs (initdb) are missing; apt-get install postgresql"

_POLL_S = 0.05
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u ",
    "timezone": "UTC",
}


class PostgresError(Exception):
    """The server, or one of its programs, did not do what it was asked to; says what to do."""


def program(name: str) -> str:
    """Return where a program of PostgreSQL lies; Debian keeps the server's out of the PATH."""
    chosen = [folder] if (folder := os.environ.get("POSTGRES_BIN")) else []
    installed = [str(path.parent) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    newest_first = sorted(installed, key=lambda bin_: int(Path(bin_).parent.name), reverse=True)
    places = [*chosen, *newest_first, os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise PostgresError(MEND)
    return found


def is_installed() -> bool:
    """Return whether a private server can be had on this machine."""
    try:
        program("initdb")
    except PostgresError:
        return False
    return True


def free_port(count: int = 1) -> int:
    """Return the first of ``count`` TCP ports of 127.0.0.1 in a row that nobody has. They lie
    below those that the kernel gives out, so that nobody gets one of them by chance before it
    is used; and they are chosen at random, for others may choose at the same time."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    lowest = int(given.split()[0])
    while True:
        first = random.randrange(10_000, max(lowest - count, 30_000))
        with ExitStack() as held, suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


class PrivatePostgres:
    """One server. ``with PrivatePostgres() as server:`` makes, starts, stops and removes it.

    All waits are bounded, and only processes that were started here are ever signalled.
    """

    def __init__(
        self,
        *,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
        password: str | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.password = password or secrets.token_hex(12)
        # A short path: that of a socket may have 107 bytes, and temporary folders of tests more.
        self.folder = Path(tempfile.mkdtemp(prefix="jobd-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._settings = {**_SETTINGS, "fsync": "on" if fsync else "off", **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.own(self.folder)

    def __enter__(self) -> Self:
        try:
            self.create()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def url(
        self, database: str = "postgres", *, user: str = "postgres", password: str | None = None
    ) -> str:
        """Return the URL of a database, as a person would write it."""
        word = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{word}@{self.host}:{self.port}/{database}"

    def create(self) -> None:
        """Make an empty server: about a second."""
        secret = self.folder / "password"
        secret.write_text(self.password, encoding="ascii")
        self.own(secret)
        words = ("-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "--no-sync")
        self._run("initdb", "-D", str(self.data), *words, f"--pwfile={secret}")
        secret.unlink()
        self._configure()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        assert not self.is_running, "the server runs already"
        command = [program("postgres"), "-D", str(self.data)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.as_user()
            )
        self._await_answer()

    def stop(self) -> None:
        """Stop the server as a restart of it would: connections are closed, all is written."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End the server without a chance to tidy up; the next start recovers from its log."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop, and start on the same port."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop the server and delete all of it; safe to call twice."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def standby(self) -> "PrivatePostgres":
        """Return a running copy that follows this server and is read-only until promoted."""
        copy = PrivatePostgres(settings=self._settings, password=self.password)
        source = f"host={self.host} port={self.port} user=postgres password={self.password}"
        try:
            words = ("-D", str(copy.data), "-d", source, "-X", "stream", "-c", "fast")
            copy._run("pg_basebackup", *words, "--no-sync")
            copy._follow(source)
            copy.start()
        except BaseException:
            copy.remove()
            raise
        return copy

    def promote(self) -> None:
        """Let a standby accept writes from now on; returns when it does."""
        self.sql("SELECT pg_promote(true, 30)")

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run SQL as superuser, each statement by itself; return what was printed: values with
        ``|`` between them."""
        return self.run_sql(self.url(database), *statements)

    def run_sql(self, url: str, *statements: str) -> str:
        """Run SQL as whoever the URL names."""
        options = ("-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url)
        commands = (word for statement in statements for word in ("-c", statement))
        return self._run("psql", *options, *commands).strip()

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database, a copy of ``template``; return its URL."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def log_tail(self) -> str:
        """Return the last words of the server's log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _configure(self) -> None:
        wanted = {
            **self._settings,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
        }
        lines = [f"{name} = '{value}'\n" for name, value in wanted.items()]
        # The last word wins, also over what a standby copied from its source.
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def _follow(self, source: str) -> None:
        # As pg_basebackup -R does, in words that a server older than it understands, too.
        self._settings["primary_conninfo"] = source
        self._configure()
        standby = self.data / "standby.signal"
        standby.touch()
        self.own(standby)

    def _await_answer(self) -> None:
        probe = (program("pg_isready"), "-q", "-h", self.host, "-p", str(self.port))
        for _ in range(int(START_TIMEOUT_S / _POLL_S)):
            if not self.is_running:
                break
            if subprocess.run(probe, timeout=COMMAND_TIMEOUT_S).returncode == 0:
                return
            time.sleep(_POLL_S)  # between two questions, for START_TIMEOUT_S in all
        tail = self.log_tail()
        self._end(signal.SIGQUIT)
        raise PostgresError(f"PostgreSQL in {self.folder} did not start; its log ends:\n{tail}")

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for signal_ in (how, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(signal_)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
            return

    def _run(self, name: str, *words: str) -> str:
        done = subprocess.run(
            [program(name), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            cwd="/",
            **self.as_user(),
        )
        if done.returncode != 0:
            raise PostgresError(f"{name} failed: {done.stderr.strip()}")
        return done.stdout

    def as_user(self) -> dict[str, Any]:
        """Return how to start a process of the server; in a group of its own, so that a Ctrl-C
        in a terminal reaches who uses the server, not the server first."""
        options: dict[str, Any] = {"process_group": 0}
        if os.geteuid() == 0:
            account = _account()
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return options

    def own(self, path: Path) -> None:
        """Give a file or folder to the server's user alone."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.geteuid() == 0:
            account = _account()
            os.chown(path, account.pw_uid, account.pw_gid)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresError(MEND) from None
