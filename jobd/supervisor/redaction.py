"""Redaction: secrets that a run was given do not stand in what is kept of its output.

It is done before anything is written: what never reaches the disk is in no page, no hook, no
backup, and on no other node; and only here it is known for sure what this very run was given.
The output that is counted, and that offsets are in, is the redacted one.

Values are found as they are, also where two pieces meet. Encoded ones (base64, JSON's
escapes) are not, nor is a secret that the run has been told by somebody else.
"""

from collections.abc import Iterator

Secret = tuple[bytes, int]  # and the least distance at which it can begin anew

MARK = b"[redacted]"
_STRIDE_BYTES = 256  # how much of a repeated secret is stepped over at once


class Redactor:
    """Takes output piece by piece. Holds back no more than could be the beginning of a secret:
    less than the longest one. Where the pieces end makes no difference to what comes out."""

    __slots__ = ("_held", "_hidden", "_secrets")

    def __init__(self, secrets: list[bytes]) -> None:
        self._secrets = [(secret, _period(secret)) for secret in set(secrets)]
        self._held = b""
        self._hidden = 0  # how many bytes of what is held are under a mark that is shown already

    def feed(self, data: memoryview) -> memoryview:
        """Return what may be shown, of this piece and of what was held back."""
        if not self._secrets:
            return data
        whole = b"".join((self._held, data))
        return memoryview(self._show(whole, _open_end(whole, self._secrets)))

    def rest(self) -> memoryview:
        """Return what was held back: no more is to come."""
        return memoryview(self._show(self._held, len(self._held)))

    def once(self, message: bytes) -> bytes:
        """Return a message that is whole in itself as it may be shown."""
        return self._apart()._show(message, len(message))

    def _apart(self) -> "Redactor":
        """Return one that looks for the same, and has seen nothing yet."""
        other = Redactor([])
        other._secrets = self._secrets
        return other

    def _show(self, whole: bytes, end: int) -> bytes:
        """Return the data up to ``end`` as it may be shown, and hold back what is behind it."""
        shown: list[bytes] = []
        at = self._hidden
        for start, stop in _places(whole, self._secrets):
            if start >= end:
                break
            if start >= at:
                shown += whole[at:start], MARK
            at = max(at, stop)
        if at < end:
            shown.append(whole[at:end])
        self._held, self._hidden = whole[end:], max(at - end, 0)
        return b"".join(shown)


def _places(data: bytes, secrets: list[Secret]) -> list[tuple[int, int]]:
    """Return where secrets begin and end, in order. They may overlap, even with themselves."""
    return sorted(place for secret in secrets for place in _places_of(secret, data))


def _places_of(secret: Secret, data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where a secret is. One that repeats itself, as ``xxxxxxxx``, could be anew at each
    byte of a run's output; such a stretch is one place, or a run could keep the supervisor busy
    for minutes with a single piece, and no deadline of any run would be kept meanwhile.
    """
    value, period = secret
    at = data.find(value)
    while at >= 0:
        stop = at + len(value)
        if period <= len(value) // 2:
            stop = _end_of_stretch(data, stop, value[-period:])
        yield at, stop
        # What overlaps its end began after the last one in it.
        at = data.find(value, stop - len(value) + 1)


def _end_of_stretch(data: bytes, at: int, unit: bytes) -> int:
    """Return where the repetitions of a unit that begin at ``at`` end."""
    for step in (unit * (_STRIDE_BYTES // len(unit) + 1), unit):
        while data.startswith(step, at):
            at += len(step)
    return at


def _open_end(data: bytes, secrets: list[Secret]) -> int:
    """Return where the end of the data begins that a secret could begin with."""
    return len(data) - max(_overlap(data, value) for value, _ in secrets)


def _period(secret: bytes) -> int:
    """Return the least distance at which a secret can overlap itself; its length if it cannot."""
    return len(secret) - _overlap(secret, secret)


def _overlap(data: bytes, secret: bytes) -> int:
    """Return how many bytes of a secret's beginning, but not all, the data end with."""
    at = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while at >= 0 and not secret.startswith(data[at:]):
        at = data.find(secret[:1], at + 1)
    return len(data) - at if at >= 0 else 0
