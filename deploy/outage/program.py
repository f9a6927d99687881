"""The job: asks its queries one after the other, and holds its memory meanwhile.

The same file is run by cron and by jobd. It notes its start and its end in a journal, which is
the evidence of the replay, and ``beside`` when another run of it is alive: that it learns from a
lock, which the kernel drops when a process is gone, however it went.
"""

import asyncio
import fcntl
import os
import time
from pathlib import Path


def main() -> None:
    """Work as the environment says."""
    folder = Path(os.environ["OUTAGE_FOLDER"])
    with (folder / "lock").open("ab") as lock:
        _note(folder, "start")
        if not _is_first(lock.fileno()):
            _note(folder, "beside")
        # Written to, page by page: memory that was only asked for would be held by nobody.
        held = b"\1" * (int(os.environ["OUTAGE_HELD_MIB"]) << 20)
        asyncio.run(_ask(os.environ["OUTAGE_URL"], int(os.environ["OUTAGE_QUERIES"])))
        assert held
        _note(folder, "end")


def _is_first(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note(folder: Path, kind: str) -> None:
    line = f"{kind} {os.environ['JOBD_NODE']} {os.getpid()} {time.monotonic():.3f}\n"
    with (folder / "journal").open("a", encoding="ascii") as journal:
        journal.write(line)  # one write, at the end of the file, whoever else writes


async def _ask(url: str, queries: int) -> None:
    import asyncpg  # takes a while, and the start is to be noted before

    connection = await asyncpg.connect(url, timeout=60)
    for _ in range(queries):
        await connection.execute("SELECT 1")
    connection.terminate()


if __name__ == "__main__":
    main()
