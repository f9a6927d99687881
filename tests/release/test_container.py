"""The Containerfile: what of it can be judged without an engine that builds it."""

import re
import subprocess
import sys
from pathlib import Path

from tests.release.conftest import ROOT

HERE = ROOT / "deploy/container"
KNOWN = {
    "FROM", "RUN", "WORKDIR", "COPY", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "HEALTHCHECK",
}  # fmt: skip


def instructions() -> list[tuple[str, str]]:
    """Return each instruction and what follows it, lines that go on joined."""
    text = (HERE / "Containerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line]


def test_every_instruction_is_one() -> None:
    assert {name for name, _ in instructions()} == KNOWN


def test_everything_that_is_copied_is_there() -> None:
    """From the checkout, which is the build's context; what another stage made is not here."""
    copied = [words.split() for name, words in instructions() if name == "COPY"]
    sources = [word for words in copied if "--from=build" not in words for word in words[:-1]]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_all_that_the_wheel_is_built_from_is_copied() -> None:
    copied = {word for name, words in instructions() if name == "COPY" for word in words.split()}
    assert {"pyproject.toml", "README.md", "LICENSE", "jobd"} <= copied


def test_the_shell_understands_every_step() -> None:
    steps = [words for name, words in instructions() if name == "RUN"]
    assert steps
    for step in steps:
        done = subprocess.run(["/bin/sh", "-n", "-c", step], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_its_configuration_is_one_that_jobd_accepts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jobd", "check", "-c", str(HERE / "jobd.toml")],
        cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_starts_is_one_of_jobd_s_commands() -> None:
    entry = re.findall(r'"([^"]+)"', dict(instructions())["ENTRYPOINT"])
    _, _, program, *words = entry
    done = subprocess.run(
        [sys.executable, "-m", "jobd", *words, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert (Path(program).name, done.returncode) == ("jobd", 0)
