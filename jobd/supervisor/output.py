"""What an attempt wrote: its first and its last half of ``output_max``, in a file of fixed size.

The file is a header (magic, capacity, bytes claimed, bytes written, bytes lost) and two
halves: the head is written once, the tail is a ring. Every byte has an offset in all that
was ever written; the head keeps the first, the ring the last of them.

A reader may look while the writer writes. Before it overwrites a part of the ring the writer
*claims* the offsets to come; whoever reads checks the claim afterwards and takes what
was overwritten meanwhile for dropped. So neither ever waits for the other.
"""

import os
import struct

_MAGIC = b"jobdout1"
_HEADER = struct.Struct("<8sQQQQ")
_CLAIM_AT = 16
_FIELDS = struct.Struct("<QQQ")


class Recorder:
    """Writes one attempt's output. Nothing here fails: what cannot be kept is counted.

    The file, and the directories above it, are made at the first byte.
    """

    __slots__ = ("_capacity", "_fd", "_lost", "_path", "_written")

    def __init__(self, path: str, capacity: int) -> None:
        self._path = path
        self._capacity = capacity
        self._fd = -1
        self._written = 0
        self._lost = 0

    @property
    def total(self) -> int:
        """All that was ever written, in bytes."""
        return self._written + self._lost

    @property
    def dropped(self) -> int:
        """What of it is not in the file."""
        return max(0, self._written - self._capacity) + self._lost

    def write(self, data: memoryview) -> None:
        """Keep data as far as it fits."""
        if self._capacity == 0:
            self._written += len(data)
            return
        try:
            if self._fd < 0:
                self._fd = _create(self._path, self._capacity)
            self._put(data)
        except OSError:
            self._lost += len(data)

    def close(self) -> None:
        """End the record; counts remain readable."""
        if self._fd < 0:
            return
        try:
            self._note(self._written)
        except OSError:
            self._lost += 0  # the count is in the report as well
        os.close(self._fd)
        self._fd = -1

    def _put(self, data: memoryview) -> None:
        after = self._written + len(data)
        if after > self._capacity:
            self._note(after)
        at = self._written
        for start, length, place in _pieces(self._capacity, at, len(data)):
            _write_all(self._fd, data[start : start + length], _HEADER.size + place)
        self._written = after
        self._note(after)

    def _note(self, claimed: int) -> None:
        os.pwrite(self._fd, _FIELDS.pack(claimed, self._written, self._lost), _CLAIM_AT)


def read_slice(path: str, offset: int, limit: int) -> tuple[bytes, int, int]:
    """Return up to ``limit`` bytes of an attempt's output from ``offset`` on.

    Returned are the bytes, the offset of what follows them, and how many bytes between
    ``offset`` and the first one are no longer kept. No file yet is no output yet.
    OSError or ValueError when the file is there and cannot be read as one, or is a link.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return b"", offset, 0
    try:
        return _slice(fd, path, offset, limit)
    finally:
        os.close(fd)


def _slice(fd: int, path: str, offset: int, limit: int) -> tuple[bytes, int, int]:
    capacity, _, written = _read_header(fd, path)
    head, tail = _halves(capacity)
    if offset >= written or limit <= 0:
        return b"", offset, 0
    start = offset if offset < head else max(offset, written - tail)
    if start < head:  # never beyond the head in one go: the rest may not follow it
        end = min(head, written, start + limit)
        return os.pread(fd, end - start, _HEADER.size + start), end, start - offset
    end = min(written, start + limit)
    data = b"".join(
        os.pread(fd, length, _HEADER.size + place)
        for _, length, place in _pieces(capacity, start, end - start)
    )
    _, claimed, _ = _read_header(fd, path)
    overwritten = min(max(0, claimed - tail - start), len(data))
    return data[overwritten:], end, start + overwritten - offset


def _pieces(capacity: int, at: int, length: int) -> list[tuple[int, int, int]]:
    """Return (start in the data, length, place in the file) of what is kept of ``length``
    bytes whose first one has the offset ``at``."""
    head, tail = _halves(capacity)
    pieces = []
    done = 0
    if at < head:
        done = min(head - at, length)
        pieces.append((0, done, at))
    if length - done > tail:  # more than the ring holds: only its end remains
        done = length - tail
    while done < length:
        place = (at + done - head) % tail
        size = min(tail - place, length - done)
        pieces.append((done, size, head + place))
        done += size
    return pieces


def _halves(capacity: int) -> tuple[int, int]:
    head = capacity // 2
    return head, capacity - head


def _create(path: str, capacity: int) -> int:
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        os.pwrite(fd, _HEADER.pack(_MAGIC, capacity, 0, 0, 0), 0)
    except OSError:
        os.close(fd)
        raise
    return fd


def _write_all(fd: int, data: memoryview, place: int) -> None:
    while data:
        size = os.pwrite(fd, data, place)
        data = data[size:]
        place += size


def _read_header(fd: int, path: str) -> tuple[int, int, int]:
    header = os.pread(fd, _HEADER.size, 0)
    if len(header) < _HEADER.size:
        return 1, 0, 0  # being made
    magic, capacity, claimed, written, _ = _HEADER.unpack(header)
    if magic != _MAGIC or capacity == 0:
        raise ValueError(f"{path} is not an output file of jobd's")
    return capacity, claimed, written
