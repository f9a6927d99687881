"""How operating.md mends a damaged state file, typed as it stands there."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.docs.pages import block_with
from tests.system.conftest import MakeNode

OPERATING = "docs/operating.md"
DAMAGED_BYTES = 64
JOB = """
[jobs.paused]
command = "work 0"
every = "1h"
"""


def damage(database: Path) -> None:
    """Overwrite the head of the page on which a table begins."""
    with sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True) as connection:
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'"
        ).fetchone()
    connection.close()
    with database.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xa5" * DAMAGED_BYTES)


def recipe(state: Path) -> str:
    """Return the page's lines, with what it offers to those whose sqlite3 has no ``.recover``."""
    lines = block_with(OPERATING, ".recover").replace("/var/lib/jobd", str(state))
    probe = subprocess.run(
        ["sqlite3", ":memory:", ".recover"], capture_output=True, text=True, timeout=60
    )
    if probe.returncode == 0 and not probe.stderr:
        return lines
    instead = block_with(OPERATING, ".dump")
    return re.sub(r"^.*\.recover.*$", lambda _: instead, lines, flags=re.MULTILINE)


def test_a_damaged_state_file_is_mended_as_the_page_says(
    make_node: MakeNode, needs_tool: Callable[[str, str], str]
) -> None:
    """What it says to type is typed by somebody in trouble; a slip in it loses the history."""
    needs_tool("sqlite3", "sqlite3")
    node = make_node(JOB).start()
    node.run_to_end("paused")
    assert node.ctl("pause", "paused", "--reason", "kept").returncode == 0
    node.stop_daemon()
    damage(node.state / "jobd.db")
    node.launch()
    assert node.wait() == 73, "a damaged file is refused"
    typed = subprocess.run(
        ["sh", "-c", recipe(node.state)], capture_output=True, text=True, timeout=60
    )
    assert typed.stdout.splitlines()[-1:] == ["ok"], typed.stderr
    node.start()
    assert node.job("paused")["pause"]["reason"] == "kept"
    assert [run["outcome"] for run in node.runs("paused")] == ["success"]
    shutil.rmtree(node.state / "copy")
