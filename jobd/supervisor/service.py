"""Service: the supervisor as a whole, from taking the state directory to leaving it.

While a daemon is connected it serves. When the daemon has left without a word, runs end by
themselves or at their deadlines; an *owned* supervisor (``jobd run`` in a shell started it)
then waits ``linger_s`` for another daemon, spools the ends that nobody has noted, and leaves.
One that systemd started stays.
"""

import fcntl
import os
import signal
import socket

from jobd.supervisor.enforcer import Enforcer
from jobd.supervisor.guard import Guard
from jobd.supervisor.instants import steady_s
from jobd.supervisor.journal import say
from jobd.supervisor.keeper import Keeper
from jobd.supervisor.leftovers import clear_leftovers, write_record
from jobd.supervisor.loop import READABLE, Loop, Timer, wakeup_pipe
from jobd.supervisor.mailboxes import Mailboxes
from jobd.supervisor.notify import Notifier
from jobd.supervisor.options import Options
from jobd.supervisor.processes import become_subreaper
from jobd.supervisor.server import Server
from jobd.supervisor.spool import read_spool, write_spool

_LOCK = "supervisor.lock"
_REAP_WHEN_BUSY_EVERY_S = 0.2
_MANY = 2000
_TERM_PATIENCE_S = 20.0  # for runs to act on their stop signal when we are told to end


class Held(Exception):
    """Another supervisor holds the state directory."""


class Service:
    """Everything that makes the process; :meth:`run` returns when it is to exit."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = _take_lock(options.state_dir)
        clear_leftovers(options.state_dir)
        become_subreaper()
        self._loop = Loop()
        self._is_ending = False
        self._have_children_died = False
        self._reap_at_s = 0.0
        self._listen_to_signals()  # before the spawner asks which of them are ignored
        self._enforcer = Enforcer(options.tree, _identity(options.state_dir), options.uses_limits)
        write_record(options.state_dir, self._enforcer.mark, self._enforcer.directories)
        self._mailboxes = Mailboxes(options.state_dir)
        self._guard = Guard(
            self._enforcer.mark, self._mailboxes.directory, self._enforcer.directories
        )
        self._enforcer.census.helpers = {self._guard.pid}
        self._enforcer.go_in()
        self._keeper = Keeper(self._loop, self._enforcer, self._mailboxes)
        self._keeper.adopt_ends(read_spool(options.state_dir))
        self._server = Server(
            _listen(options.socket), self._loop, self._keeper, self._enforcer.facts,
            self._consider_leaving, self._shut_down,
        )  # fmt: skip
        self._keeper.report = self._server.report
        self._notifier = Notifier(self._loop)
        self._linger: Timer | None = None

    def run(self) -> None:
        """Serve until told to end or, owned, until nobody needs it."""
        self._notifier.ready()
        self._consider_leaving()
        self._loop.run(self._work, self._flush)
        self._leave()

    def _work(self) -> bool:
        is_busy = self._server.work()
        if self._have_children_died and not (is_busy and self._may_reap_later()):
            self._reap()
        return is_busy or self._have_children_died

    def _may_reap_later(self) -> bool:
        """Starts come before ends while many wait: a late start is seen, a late end is not.

        Many ends at one time are also less work, for the daemon most of all, which writes
        them down in one transaction.
        """
        return steady_s() < self._reap_at_s and self._keeper.count < _MANY

    def _reap(self) -> None:
        reaped, strangers = self._keeper.reap(_MANY)
        self._reap_at_s = steady_s() + _REAP_WHEN_BUSY_EVERY_S
        self._have_children_died = reaped == _MANY
        if self._guard.pid in strangers and not self._loop.is_stopped:
            say("the guard was killed; starting another")
            self._restart_guard()

    def _flush(self) -> None:
        self._server.flush()
        if self._keeper.is_spool_stale:
            self._shorten_spool()
        if self._is_ending and self._keeper.is_idle:
            self._loop.stop()

    def _shorten_spool(self) -> None:
        """Drop from the spool what a daemon has noted: after a crash the next supervisor would tell
        it once more, of runs that are over for good."""
        self._keeper.is_spool_stale = False
        try:
            write_spool(self._options.state_dir, self._keeper.spooled_ends())
        except OSError as error:
            say(f"the spool cannot be written; it is tried again with the next end: {error}")

    def _consider_leaving(self) -> None:
        """Start or stop the wait for a daemon, as things are."""
        if self._linger is not None:
            self._linger.cancel()
        if self._options.is_owned and not self._server.has_daemon:
            self._linger = self._loop.call_at(
                steady_s() + self._options.linger_s, self._leave_if_idle
            )

    def _leave_if_idle(self) -> None:
        if self._keeper.is_idle:
            say("no run is left and no daemon came back; leaving")
            self._is_ending = True
        else:
            self._consider_leaving()

    def _shut_down(self) -> None:
        self._is_ending = True
        self._keeper.kill_all("shutdown")

    def _terminate(self) -> None:
        """SIGTERM: the runs get theirs; who asks twice gets SIGKILL for them."""
        if self._is_ending:
            self._keeper.kill_all("shutdown")
            return
        self._is_ending = True
        self._notifier.stopping()
        self._keeper.stop_all("shutdown")
        self._loop.call_at(steady_s() + _TERM_PATIENCE_S, lambda: self._keeper.kill_all("shutdown"))

    def _leave(self) -> None:
        write_spool(self._options.state_dir, self._keeper.ends())
        self._server.say_bye()
        self._enforcer.close()
        self._mailboxes.close()
        _unlink(self._options.socket)

    def _listen_to_signals(self) -> None:
        ours, theirs = wakeup_pipe()
        self._wakeup = ours
        signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, _wake)
        self._loop.watch(ours, READABLE, self._on_signal)

    def _on_signal(self) -> None:
        numbers = set(os.read(self._wakeup, 4096))
        self._have_children_died = True
        if signal.SIGTERM in numbers:
            self._terminate()

    def _restart_guard(self) -> None:
        self._enforcer.go_out()
        self._guard.restart()
        self._enforcer.census.helpers.add(self._guard.pid)
        self._enforcer.go_in()


def _wake(number: int, frame: object) -> None:
    """The wake-up pipe has said it already."""


def _take_lock(state_dir: str) -> int:
    fd = os.open(f"{state_dir}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
        raise Held(f"another supervisor (pid {holder}) holds {state_dir}") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _identity(state_dir: str) -> str:
    """Return a name that no other supervisor on this machine has or had."""
    seen = os.stat(state_dir)
    return f"{seen.st_dev:x}-{seen.st_ino:x}-{os.getpid()}-{steady_s() * 1000:.0f}"


def _listen(path: str) -> socket.socket:
    """Return a listening socket; its path may be longer than the kernel's 107 bytes."""
    _unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
        os.chmod(path, 0o600)
    finally:
        os.close(directory)
    listener.listen(16)
    listener.setblocking(False)
    return listener


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
