"""How a child comes to be: inside its tree, under its ceilings, before its first instruction."""

from __future__ import annotations

import errno
import os
import resource
import signal

from jobd.supervisor.cgroup import write
from jobd.supervisor.instants import steady_s
from jobd.supervisor.spec import Spec
from jobd.supervisor.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

Files = tuple[int, int, int]  # standard input, output, error

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
OWN_UMASK = 0o077
_TOO_LATE = b"\0"


class StartError(Exception):
    """The child could not be started; the message is for people."""


class TooLate(Exception):
    """The program was not executed: the run had to be dead by then."""


class Spawner:
    """Starts children. One per process: it lends them the process's own attributes."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        hard = self._limits[1]
        self.max_files = hard if hard != resource.RLIM_INFINITY else 1 << 20
        self._own_limits = (hard, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._own_limits)
        self._to_restore = ignored_signals()

    def spawn(self, spec: Spec, tree: Tree, output: int) -> int:
        """Return the pid of a child that has executed its program.

        It leads a session of its own, has the three standard descriptors and no others, all
        signals at their defaults, and the limit on open files that we were born with.
        """
        stdin = self._null if spec.stdin is None else _open_stdin(spec.stdin)
        try:
            if spec.must_fork:
                return self._fork(spec, tree, (stdin, output, output))
            return self._spawn_here(spec, tree, (stdin, output, output))
        finally:
            if stdin != self._null:
                os.close(stdin)

    def _spawn_here(self, spec: Spec, tree: Tree, files: Files) -> int:
        env = {**spec.env, **tree.marks} if tree.marks else spec.env
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)]
        os.umask(spec.umask)
        try:
            if spec.cwd != "/":
                _change_directory(spec.cwd)
            program = find_program(spec)
            pid = self._spawn_inside(spec, tree, program, env, actions)
        except ValueError as error:
            raise StartError(f"command {spec.argv[0]}: {error}") from None
        finally:
            os.umask(OWN_UMASK)
            if spec.cwd != "/":
                os.chdir("/")
        _settle(tree, pid)
        return pid

    def _spawn_inside(
        self,
        spec: Spec,
        tree: Tree,
        program: str,
        env: dict[str, str],
        actions: list[tuple[int, int, int]],
    ) -> int:
        # Nothing may be allocated needlessly from enter to leave: a fault on a new page
        # would count against the run's memory ceiling, and may have to wait for it.
        try:
            tree.enter()
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)
            _check_trust(spec)
            return os.posix_spawn(
                program, spec.argv, env,
                file_actions=actions, setsid=True, setsigmask=(), setsigdef=self._to_restore,
            )  # fmt: skip
        except OSError as error:
            raise StartError(explain(error, program)) from None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._own_limits)
            tree.leave()

    def _fork(self, spec: Spec, tree: Tree, files: Files) -> int:
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(spec, tree, files, theirs)
        except OSError as error:
            os.close(ours)
            raise StartError(explain(error, spec.argv[0])) from None
        finally:
            os.close(theirs)
        word = os.read(ours, 4096)  # ends when exec closes the other end
        os.close(ours)
        if word:
            os.waitpid(pid, 0)
            raise TooLate if word == _TOO_LATE else StartError(word.decode(errors="replace"))
        return pid

    def _become(self, spec: Spec, tree: Tree, files: Files, complaints: int) -> NoReturn:
        """Turn this forked process into the child, or say why not and end."""
        try:
            os.setsid()
            _restore_signals(self._to_restore)
            for number, fd in enumerate(files):
                os.dup2(fd, number)
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)
            _take_standing(spec)
            for path in tree.joins:
                write(path, "0")
            os.umask(spec.umask)
            _take_identity(spec)
            _change_directory(spec.cwd)
            program, env = find_program(spec), {**spec.env, **tree.marks}
            _check_trust(spec)
            _execute(program, spec.argv, env)
        except TooLate:
            os.write(complaints, _TOO_LATE)
        except StartError as error:
            os.write(complaints, str(error).encode(errors="replace")[:4096])
        except BaseException as error:  # a forked child must never go on as a supervisor
            os.write(complaints, f"cannot start: {error}".encode(errors="replace")[:4096])
        finally:
            os._exit(127)


def find_program(spec: Spec) -> str:
    """Return the path to execute: as execvp(3) finds it, by the child's own PATH."""
    name = spec.argv[0]
    if "/" in name:
        return name
    search = spec.env.get("PATH", _DEFAULT_PATH)
    for directory in search.split(":"):
        path = f"{directory or '.'}/{name}"
        if os.access(path, os.X_OK, effective_ids=True) and not os.path.isdir(path):
            return path
    raise StartError(f"command {name}: not found in PATH {search}; write its full path")


def explain(error: OSError, program: str) -> str:
    """Return in words why a program could not be executed."""
    what = f"command {program}: "
    if error.errno == errno.ENOENT:
        return what + (_missing_interpreter(program) or "no such file")
    if error.errno == errno.EACCES:
        if os.path.isdir(program):
            return what + "is a directory"
        return what + "permission denied; is it executable, and may its user reach it?"
    return what + _WORDS.get(error.errno or 0, error.strerror or str(error))


_WORDS = {
    errno.ENOEXEC: "is no program; a script must begin with #! and its interpreter",
    errno.E2BIG: "its arguments and environment are more than this system takes",
    errno.EAGAIN: "no more processes can be made; a limit on them is reached",
    errno.ENOMEM: "no memory is left to start it",
    errno.ENOTDIR: "a part of its path is no directory",
}


def ignored_signals() -> list[int]:
    """Return the signals that a child would inherit as ignored."""
    return [
        number for number in signal.valid_signals() if signal.getsignal(number) == signal.SIG_IGN
    ]


def _missing_interpreter(program: str) -> str:
    try:
        with open(program, "rb") as file:
            first = file.readline(256)
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return "the loader that it names is missing"
    return f"its interpreter {first[2:].decode(errors='replace').split()[0:1]} is missing"


def _open_stdin(path: str) -> int:
    # Non-blocking, or a FIFO without a writer would hold up every run; the child gets it blocking.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise StartError(f"stdin {path}: {error.strerror}") from None
    os.set_blocking(fd, True)
    return fd


def _settle(tree: Tree, pid: int) -> None:
    try:
        tree.settle()
    except OSError as error:
        tree.kill()
        os.waitpid(pid, 0)
        raise StartError(f"its ceilings could not be put in force: {error}") from None


def _restore_signals(ignored: list[int]) -> None:
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _take_standing(spec: Spec) -> None:
    if spec.oom_score_adj is not None:
        try:
            write("/proc/self/oom_score_adj", str(spec.oom_score_adj))
        except OSError as error:
            raise StartError(f"oom_score_adj {spec.oom_score_adj}: {error}") from None
    if spec.nice is not None:
        try:
            os.setpriority(os.PRIO_PROCESS, 0, spec.nice)
        except OSError as error:
            raise StartError(f"nice {spec.nice}: {error.strerror}") from None


def _take_identity(spec: Spec) -> None:
    if spec.uid is None and spec.gid is None:
        return
    if os.geteuid() != 0 and spec.uid in (None, os.geteuid()) and spec.gid in (None, os.getegid()):
        return  # that is who we are
    try:
        os.setgroups(spec.groups)
        if spec.gid is not None:
            os.setresgid(spec.gid, spec.gid, spec.gid)
        if spec.uid is not None:
            os.setresuid(spec.uid, spec.uid, spec.uid)
    except OSError as error:
        raise StartError(
            f"user {spec.uid}, group {spec.gid}: {error.strerror}; "
            "only a supervisor that runs as root may change them"
        ) from None


def _change_directory(cwd: str) -> None:
    try:
        os.chdir(cwd)
    except OSError as error:
        raise StartError(f"cwd {cwd}: {error.strerror}") from None


def _check_trust(spec: Spec) -> None:
    if spec.until_s is not None and steady_s() >= spec.until_s:
        raise TooLate


def _execute(program: str, argv: list[str], env: dict[str, str]) -> NoReturn:
    try:
        os.execve(program, argv, env)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        raise StartError(explain(error, program)) from None
