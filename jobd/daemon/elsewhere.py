"""Elsewhere: runs that other nodes hold, and what they wrote."""

from collections.abc import Iterable, Mapping, Sequence

from jobd.core.claim import ActiveRun
from jobd.core.effects import Accepted, Refused, Reply
from jobd.core.events import CancelAsked
from jobd.core.run import RunRecord
from jobd.daemon.peers import Peers
from jobd.errors import OutputGone, StoreUnavailable
from jobd.web.node import OutputSlice


async def cancel_elsewhere(
    peers: Peers, runs: Iterable[ActiveRun], event: CancelAsked, here: Reply
) -> Reply:
    """Ask the holders of the runs that a cancel means to stop them; return what comes of it.

    ``runs`` are those of other nodes, ``here`` is the scheduler's answer. It knows the former
    from the last view only, and not whether the store takes the wish to stop them.
    """
    if isinstance(here, Refused) and here.code != "no_such_run":
        return here
    ids = {run.run_id: run.node for run in runs if _is_meant(run, event)}
    if event.run_id is not None and not ids and isinstance(here, Refused):
        ids = {event.run_id: "another node"}  # begun so lately that no view has it yet
    mine = [run_id for run_id in _run_ids(here) if run_id not in ids]
    stopping, silent = await _stop_all(peers, ids, is_all=not mine)
    return _merged(event, here, mine, stopping, silent)


async def _stop_all(
    peers: Peers, ids: Mapping[str, str], *, is_all: bool
) -> tuple[Sequence[ActiveRun], str]:
    """Return the runs that are being stopped, and in words those that cannot be; raises
    ``StoreUnavailable`` if these are all that there was to do."""
    if not ids:
        return (), ""
    try:
        return await peers.stop(ids), ""
    except StoreUnavailable as error:
        if is_all:
            raise
        missed = ", ".join(f"{run_id} on {node}" for run_id, node in ids.items())
        return (), f"; not reached: {missed}: {error}"


def _merged(
    event: CancelAsked, here: Reply, mine: list[str], stopping: Sequence[ActiveRun], silent: str
) -> Reply:
    """Return one reply for what stops here and elsewhere."""
    if not stopping and not silent:
        return here
    nodes = ", ".join(sorted({run.node for run in stopping}))
    where = [*(["here"] if mine else []), *([f"on {nodes}"] if nodes else [])]
    run_ids = (*mine, *(run.run_id for run in stopping))
    return Accepted(event.request_id, run_ids, f"stopping {' and '.join(where)}{silent}")


def _run_ids(reply: Reply) -> tuple[str, ...]:
    return reply.run_ids if isinstance(reply, Accepted) else ()


def check_kept(record: RunRecord, attempt: int, offset: int, piece: OutputSlice) -> None:
    """Raise ``OutputGone`` when a run that did write, and whose output was not dropped, has
    left nothing: its node's state directory is a new one, or somebody tidied it up."""
    is_empty = not piece.data and not piece.skipped_bytes and offset == 0
    kept = record.output_bytes - record.output_dropped_bytes
    if is_empty and record.ended_at is not None and attempt == record.attempt and kept > 0:
        raise OutputGone(
            f"run {record.run_id} wrote {record.output_bytes} bytes on {record.node}, "
            "which are kept there no more"
        )


def _is_meant(run: ActiveRun, event: CancelAsked) -> bool:
    return event.run_id is None or run.run_id.startswith(event.run_id)
