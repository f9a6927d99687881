"""Mailboxes: for each run a socket that takes what the run has to say of itself.

A path for each run, its file owned by the run's user and closed to all others: the kernel
turns away what another user's job sends, and what a run floods is its own queue. The paths
lie where every user gets to and none may look around or write.
"""

import os
import socket
import stat

from jobd.supervisor.journal import say

LONGEST_MESSAGE = 4096
_PREFIX = "jobd-notify-"
_RECORD = "supervisor.notify"
_LONGEST_DIRECTORY = 80  # a socket's path may have 107 bytes
_SEARCHABLE = 0o711

_buffer = bytearray(LONGEST_MESSAGE + 1)  # one more shows what is too long
_view = memoryview(_buffer)


class Mailbox:
    """One run's socket. ``path`` is what the run finds as NOTIFY_SOCKET."""

    __slots__ = ("_socket", "dropped", "path")

    def __init__(self, path: str, uid: int | None) -> None:
        self.path = path
        self.dropped = 0  # messages that were too long
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(path)  # nobody else's yet: our umask leaves only the owner
            if uid is not None and uid != os.geteuid():
                os.chown(path, uid, -1, follow_symlinks=False)
        except OSError:
            self.close()
            raise

    @property
    def fd(self) -> int:
        """What becomes readable when a message has come."""
        return self._socket.fileno()

    def take(self) -> bytes | None:
        """Return the next message, None if there is none; one that is too long is empty.

        Descriptors that came with it are closed by the kernel, since nobody asks for them.
        """
        try:
            size = self._socket.recv_into(_buffer)
        except OSError:
            return None
        if size > LONGEST_MESSAGE:
            self.dropped += 1
            return b""
        return bytes(_view[:size])

    def close(self) -> None:
        """Take no more; the path is gone."""
        self._socket.close()
        try:
            os.unlink(self.path)
        except OSError:
            return


class Mailboxes:
    """The directory of all mailboxes. What an earlier supervisor left is removed."""

    def __init__(self, state_dir: str) -> None:
        self._state_dir = state_dir
        self._serial = 0
        self.directory = ""  # "": there is none
        _sweep(state_dir)
        try:
            self.directory = _make_directory(state_dir)
        except OSError as error:
            say(f"no run can have a NOTIFY_SOCKET now: {error}")

    def open(self, uid: int | None) -> Mailbox:
        """Return a new mailbox that only this user (None: our own) can write to.

        OSError if there can be none.
        """
        if not self.directory:
            self.directory = _make_directory(self._state_dir)
        try:
            return Mailbox(self._next_path(), uid)
        except FileNotFoundError:  # cleaners of /tmp do not ask
            self.directory = _make_directory(self._state_dir)
            return Mailbox(self._next_path(), uid)

    def _next_path(self) -> str:
        self._serial += 1
        return f"{self.directory}/{self._serial:x}"

    def close(self) -> None:
        """Remove the directory with what is left in it."""
        _sweep(self._state_dir)


def _make_directory(state_dir: str) -> str:
    """Return a directory in the first place that will do, noted for the next supervisor.

    A supervisor of one user keeps it with its state, which others may not enter; only one
    that runs as root has jobs of others.
    """
    places = ["/run", "/tmp"] if os.geteuid() == 0 else [state_dir, "/tmp"]  # noqa: S108 - a random name in it
    trouble: OSError | None = None
    for place in places:
        directory = f"{place}/{_PREFIX}{os.urandom(8).hex()}"
        if len(os.fsencode(directory)) > _LONGEST_DIRECTORY:
            continue
        try:
            _write_record(state_dir, directory)
            os.mkdir(directory, 0o700)  # fails where somebody was before us
            os.chmod(directory, _SEARCHABLE)
            return directory
        except OSError as error:
            trouble = error
    raise trouble or OSError("no place for sockets of runs")


def _write_record(state_dir: str, directory: str) -> None:
    path = f"{state_dir}/{_RECORD}"
    with open(path + ".new", "wb") as file:
        file.write(os.fsencode(directory))
    os.replace(path + ".new", path)


def _sweep(state_dir: str) -> None:
    """Remove the directory that the record names, if it is one of ours, and the record."""
    try:
        with open(f"{state_dir}/{_RECORD}", "rb") as file:
            directory = os.fsdecode(file.read())
    except OSError:
        return
    try:
        _remove_sockets(directory)
        os.unlink(f"{state_dir}/{_RECORD}")
    except OSError as error:
        say(f"sockets of runs are left in {directory}: {error}")


def _remove_sockets(directory: str) -> None:
    if not os.path.basename(directory).startswith(_PREFIX) or not os.path.isdir(directory):
        return
    if os.lstat(directory).st_uid != os.geteuid():
        return
    for entry in os.scandir(directory):
        if stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode):
            os.unlink(entry.path)
    os.rmdir(directory)
