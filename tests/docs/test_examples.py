"""What can be copied out of the pages is what jobd takes."""

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks, read


def test_every_example_configuration_in_the_pages_is_valid(tmp_path: Path) -> None:
    examples = list(blocks("toml"))
    assert examples
    for number, (page, text) in enumerate(examples):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "jobd", "check", "-c", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{page}:\n{text}\n{done.stdout}{done.stderr}"


def test_every_file_that_the_readme_installs_is_there() -> None:
    named = re.findall(r"\bdeploy/[\w./*-]+", read(ROOT / "README.md"))
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_every_example_in_python_runs() -> None:
    """As a job of its own, with a few orders to work through."""
    given = "orders = range(3)\n"
    examples = list(blocks("python"))
    assert examples
    for page, text in examples:
        done = subprocess.run(
            [sys.executable, "-c", given + text],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{page}:\n{text}\n{done.stderr}"
