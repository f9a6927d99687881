"""Notices: what a run sends to its mailbox, in the words of sd_notify(3).

Lines of ``NAME=value``. Whatever is no such line, or has no meaning here (``READY=1``), is
passed over: programs say more to systemd than jobd listens to.
"""

_MOST_LINES = 64
_LONGEST_STATUS = 200
_LONGEST_NUMBER = 32


def parse(message: bytes) -> list[tuple[str, str]]:
    """Return names and values, in order, of a message that may hold anything."""
    found = []
    for line in message.split(b"\n", _MOST_LINES)[:_MOST_LINES]:
        name, equals, value = line.partition(b"=")
        if equals and name.isascii():
            found.append((name.decode(), value.decode(errors="replace")))
    return found


def status(value: str) -> str:
    """Return a line for people: printable and of bounded length."""
    shown = value[:_LONGEST_STATUS].strip()
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)


def share(value: str) -> float | None:
    """Return a number from 0 to 1, None if it is none."""
    if len(value) > _LONGEST_NUMBER or not value.isascii() or "_" in value:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0.0 <= number <= 1.0 else None


def microseconds(value: str) -> float | None:
    """Return a whole number of microseconds in seconds, None if it is none."""
    value = value.strip()
    if not value.isascii() or not value.isdigit() or len(value) > _LONGEST_NUMBER:
        return None
    return int(value) / 1e6
