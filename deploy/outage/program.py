"""The job: asks its queries one after the other, and holds its memory meanwhile.

The same file is run by cron and by jobd. It notes its start and its end in a journal, which is
the evidence of the replay, and ``beside`` when another run of it is alive: that it learns from a
lock, which the kernel drops when a process is gone, however it went.

It speaks PostgreSQL's protocol itself (protocol.html in its documentation, RFC 5802 and 7677 for
the password): to load a library takes longer than all else but the network, and then the replay
would show how busy the machine is.
"""

import base64
import fcntl
import hashlib
import hmac
import os
import socket
import struct
import time

SILENCE_S = 60.0
STARTUP = b"user\0postgres\0database\0postgres\0\0"
PROTOCOL_3 = 196608
SASL, SASL_CONTINUE, SASL_FINAL, OK = 10, 11, 12, 0


def main() -> None:
    """Work as the environment says."""
    folder = os.environ["OUTAGE_FOLDER"]
    with open(f"{folder}/lock", "ab") as lock:
        _note(folder, "start")
        if not _is_first(lock.fileno()):
            _note(folder, "beside")
        # Written to, page by page: memory that was only asked for would be held by nobody.
        held = b"\1" * (int(os.environ["OUTAGE_HELD_MIB"]) << 20)
        # What takes long to start on one machine and no time on another would decide what the
        # replay shows: on all of them the first query comes as late as the plan reckons.
        time.sleep(max(float(os.environ["OUTAGE_START_S"]) - _age_s(), 0.0))
        server = Server(int(os.environ["OUTAGE_PORT"]), os.environ["OUTAGE_PASSWORD"])
        for _ in range(int(os.environ["OUTAGE_QUERIES"])):
            server.ask(b"SELECT 1")
        assert held
        _note(folder, "end")


class Server:
    """A connection to PostgreSQL, greeted and ready."""

    def __init__(self, port: int, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SILENCE_S)
        self._bytes = self._socket.makefile("rb")
        opening = struct.pack("!ii", 8 + len(STARTUP), PROTOCOL_3) + STARTUP
        self._socket.sendall(opening)
        self._prove(password)
        self._await_ready()

    def ask(self, query: bytes) -> None:
        """Ask one query and wait for its answer: one round trip."""
        self._send(b"Q", query + b"\0")
        self._await_ready()

    def _prove(self, password: str) -> None:
        """Show by SCRAM-SHA-256 that we know the password: two round trips."""
        self._expect(SASL)
        nonce = base64.b64encode(os.urandom(18))
        first = b"n=,r=" + nonce
        words = b"n,," + first
        self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(words)) + words)
        challenge = self._expect(SASL_CONTINUE)
        self._send(b"p", _proof(password, first, challenge))
        self._expect(SASL_FINAL)
        self._expect(OK)

    def _expect(self, step: int) -> bytes:
        kind, body = self._receive()
        if kind != b"R" or struct.unpack("!i", body[:4])[0] != step:
            raise ConnectionError(f"expected step {step} of the greeting, got {kind + body!r}")
        return body[4:]

    def _await_ready(self) -> None:
        kind = b""
        while kind != b"Z":
            kind, body = self._receive()
            if kind == b"E":
                raise ConnectionError(body.decode(errors="replace"))

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._bytes.read(5)
        if len(head) < 5:
            raise ConnectionError("the server has closed the connection")
        return head[:1], self._bytes.read(struct.unpack("!i", head[1:])[0] - 4)

    def _send(self, kind: bytes, body: bytes) -> None:
        self._socket.sendall(kind + struct.pack("!i", 4 + len(body)) + body)


def _proof(password: str, first: bytes, challenge: bytes) -> bytes:
    """Return the client's last message: RFC 5802, section 3."""
    parts = dict(part.split(b"=", 1) for part in challenge.split(b","))
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(parts[b"s"]), int(parts[b"i"])
    )
    last = b"c=biws,r=" + parts[b"r"]
    key = hmac.digest(salted, b"Client Key", "sha256")
    signed = b",".join((first, challenge, last))
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
    return last + b",p=" + base64.b64encode(proof)


def _is_first(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _age_s() -> float:
    """Return for how long this process has been there."""
    with open("/proc/self/stat", "rb") as stat:
        fields = stat.read().rpartition(b")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _note(folder: str, kind: str) -> None:
    tick = os.environ.get("JOBD_TICK", "-")
    line = f"{kind} {os.environ['JOBD_NODE']} {os.getpid()} {tick} {time.monotonic():.3f}\n"
    with open(f"{folder}/journal", "a", encoding="ascii") as journal:
        journal.write(line)  # one write, at the end of the file, whoever else writes


if __name__ == "__main__":
    main()
