"""Access: whether the user of a job may enter a folder, and execute a program.

By owner, group and mode. What has an access control list (acl(5)) counts as open: it is not read.
"""

import os
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from jobd.core.job import Job
from jobd.daemon.launch import LaunchError, resolve_identity

_ACL = "system.posix_acl_access"


def closed_to(job: Job, *, folder: str = "", program: str = "") -> str:
    """Return what keeps a job's user from a folder or a program, such as "/home/x may not be
    entered"; "" if nothing is seen to."""
    if job.command.user is None:
        return ""
    with suppress(OSError, LaunchError):  # what is wrong with the user stands under users
        identity = resolve_identity(job.command.user, job.command.group)
        if program:
            return closed_program(Path(program), identity.uid, identity.groups)
        return closed_folder(Path(folder), identity.uid, identity.groups)
    return ""


def closed_folder(path: Path, uid: int | None, groups: Collection[int]) -> str:
    """Return the first folder on the way to a path that a user may not enter, in words."""
    if uid in (None, 0):
        return ""
    there = path.resolve()
    for folder in (*reversed(there.parents), there):
        if not _is_open(folder, stat.S_IXOTH, uid, groups):
            return f"{folder} may not be entered"
    return ""


def closed_program(path: Path, uid: int | None, groups: Collection[int]) -> str:
    """Return why a user may not execute a program, in words. The interpreter of a script reads it
    as that user; any other program the kernel reads."""
    if uid in (None, 0):
        return ""
    there = path.resolve()
    if closed := closed_folder(there.parent, uid, groups):
        return closed
    if not _is_open(there, stat.S_IXOTH, uid, groups):
        return f"{there} may not be executed"
    if not _is_open(there, stat.S_IROTH, uid, groups) and _is_script(there):
        return f"{there} may not be read"
    return ""


def may(mode: int, of_others: int, *, is_owner: bool, is_in_group: bool) -> bool:
    """Return what the first of owner, group and others that fits may: path_resolution(7).

    ``of_others``: S_IXOTH, or S_IROTH; of the group and the owner it is the same, shifted.
    """
    shift = 6 if is_owner else 3 if is_in_group else 0
    return bool(mode & (of_others << shift))


def _is_open(path: Path, of_others: int, uid: int | None, groups: Collection[int]) -> bool:
    facts = path.stat()
    is_open = may(
        facts.st_mode,
        of_others,
        is_owner=facts.st_uid == uid,
        is_in_group=facts.st_gid in groups,
    )
    return is_open or _ACL in os.listxattr(path)


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
