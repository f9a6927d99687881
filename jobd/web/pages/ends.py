"""Ends: the beginning and the end of an attempt's output, however much there is of it."""

from dataclasses import dataclass

from jobd.core.run import RunRecord
from jobd.errors import JobdError
from jobd.web.node import Node
from jobd.web.pages.console import text_of

HEAD_BYTES = 16 << 10
TAIL_BYTES = 64 << 10
SLICE_BYTES = 256 << 10
MOST_SLICES = 16  # of an attempt that writes faster than it is read


@dataclass(frozen=True, slots=True)
class Ends:
    """What is shown of an output: all of it as ``tail``, or with ``hidden`` bytes left out between
    ``head`` and ``tail``.

    ``trouble``: why there is nothing to show.
    """

    head: str = ""
    hidden: int = 0
    tail: str = ""
    next_offset: int = 0
    trouble: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is shown."""
        return not (self.head or self.tail or self.hidden)


async def ends_of(node: Node, record: RunRecord, attempt: int) -> Ends:
    """Return both ends of what an attempt wrote so far."""
    try:
        return await _read(node, record, attempt)
    except JobdError as error:
        return Ends(trouble=str(error))
    except (OSError, ValueError) as error:
        return Ends(trouble=f"the output cannot be read: {error}")


async def _read(node: Node, record: RunRecord, attempt: int) -> Ends:
    first = await node.read_output(record, attempt, 0, HEAD_BYTES)
    offset, hidden, tail = first.next_offset, first.skipped_bytes, b""
    is_whole = record.ended_at is not None and attempt == record.attempt
    if is_whole and record.output_bytes - TAIL_BYTES > offset:
        hidden, offset = record.output_bytes - TAIL_BYTES - offset, record.output_bytes - TAIL_BYTES
    for _ in range(MOST_SLICES):
        piece = await node.read_output(record, attempt, offset, SLICE_BYTES)
        if not piece.data and not piece.skipped_bytes:
            break
        if piece.skipped_bytes:  # what came before is not joined to what follows
            hidden, tail = hidden + len(tail) + piece.skipped_bytes, b""
        tail += piece.data
        hidden, tail = hidden + max(len(tail) - TAIL_BYTES, 0), tail[-TAIL_BYTES:]
        offset = piece.next_offset
    if not hidden:
        return Ends(tail=text_of(first.data + tail), next_offset=offset)
    begun = tail.find(b"\n") + 1  # a line that was cut tells less than none
    tail, hidden = tail[begun:], hidden + begun
    return Ends(text_of(first.data), hidden, text_of(tail), offset)
