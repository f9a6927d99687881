"""Who is at the other end of the control socket: SO_PEERCRED, see unix(7)."""

import asyncio
import pwd
import socket
import struct

from aiohttp import web

from jobd.web.problem import Problem

_UCRED = struct.Struct("iII")  # pid, uid, gid


async def asker(request: web.Request) -> str:
    """Return who asks, as the audit keeps it: ``uid 1000 (anna)``.

    The kernel vouches for the uid; the name is looked up in a thread, because a user
    database on the network may take its time.
    """
    uid = _peer_uid(request)
    name = await asyncio.to_thread(_user_name, uid)
    return f"uid {uid} ({name})" if name else f"uid {uid}"


def _peer_uid(request: web.Request) -> int:
    transport = request.transport
    sock = transport.get_extra_info("socket") if transport else None
    if sock is None or sock.family != socket.AF_UNIX:
        raise Problem(403, "not_permitted", "controls need the Unix socket, to see who asks")
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(credentials)[1]
    return uid


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
