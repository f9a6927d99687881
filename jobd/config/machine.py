"""Facts about this machine that a configuration is held against."""

import grp
import os
import pwd
import stat


def is_root() -> bool:
    """Return whether this process may do everything."""
    return os.geteuid() == 0


def host_name() -> str:
    """Return the name under which the kernel knows this node (uname(2))."""
    return os.uname().nodename


def memory_bytes() -> int:
    """Return the node's memory, in bytes (sysconf(3))."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def is_public(path: str) -> bool:
    """Return whether a file's mode lets everybody read it."""
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except OSError:  # removed since it was read
        return False


def has_user(name: str) -> bool:
    """Return whether a user of this name, or number, is known here."""
    try:
        pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        return False
    return True


def has_group(name: str) -> bool:
    """Return whether a group of this name, or number, is known here."""
    try:
        grp.getgrgid(int(name)) if name.isdigit() else grp.getgrnam(name)
    except (KeyError, OverflowError):
        return False
    return True
