"""Who sends to the socket of a run, as itself and as others, and what it costs whom."""

import os
import socket


def send(path: str, message: bytes) -> None:
    """Send a message as a job does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.connect(path)
        out.send(message)


def send_as(uid: int, path: str, message: bytes) -> bool:
    """Send a message as another user; return whether the kernel let it through."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            send(path, message)
            os._exit(0)
        except PermissionError:
            os._exit(13)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 13), f"could not try: {status}"
    return status == 0


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has used."""
    user, system = _stat(pid)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def state_of(pid: int) -> str:
    """Return a process's state in a letter: T is stopped, Z is dead and not reaped."""
    return _stat(pid)[0]


def _stat(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()
