"""Completion, in the shells that people have, with a daemon to ask."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobd.cli.completion import SHELLS
from tests.web.fake_node import PATIENCE_S, Served

# Each prints what is offered for a line, a word each; $1 is the line.
BASH = """
eval "$(jobd completion bash)"
read -ra COMP_WORDS <<< "$1"
[ "${1: -1}" = " " ] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_jobd_completion jobd
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """PS1=; autoload -Uz compinit && compinit -u -D; LISTMAX=1000
source <(jobd completion zsh)
zle-line-init() { print -n 'list''ening' }; zle -N zle-line-init
"""
LIST = "\x04"  # ^D lists what there is, and inserts nothing
SILENCE_S = 2.0  # longer than a shell waits for the daemon
FISH = "jobd completion fish | source; complete -C $argv[1]"


@dataclass
class Shells:
    """Shells whose ``jobd`` is this one; ``environment`` may name the daemon's socket."""

    needs_tool: Callable[[str, str], str]
    environment: dict[str, str] = field(default_factory=dict)

    def offered(self, shell: str, line: str) -> set[str]:
        """Return the words that bash or fish offers at the end of a line."""
        program = self.needs_tool(shell, shell)
        text = {"bash": [BASH, "bash", line], "fish": [FISH, line]}[shell]
        done = subprocess.run(
            [program, "-c", *text], env=self.environment, capture_output=True, text=True, timeout=30
        )
        assert done.stderr == ""
        return {word.split("\t")[0] for word in done.stdout.split("\n")} - {""}

    def see_only(self, shell: str, line: str, *words: str) -> None:
        """See that bash or fish offers these words and no others."""
        assert self._offered_in_time(shell, line, set(words)) == set(words)

    def _offered_in_time(self, shell: str, line: str, words: set[str]) -> set[str]:
        # Whoever presses the tab key waits for a second, and then nothing is offered: so one asks
        # again while words are missing. The daemon here is a thread of the tests' process.
        deadline = time.monotonic() + PATIENCE_S
        while not words <= (offered := self.offered(shell, line)):
            if time.monotonic() > deadline:
                break
        return offered

    def see(self, shell: str, line: str, *words: str) -> None:
        """See that a shell offers these words, among others."""
        if shell != "zsh":
            assert set(words) <= self._offered_in_time(shell, line, set(words))
            return
        # zsh completes only where a person types: in a terminal.
        program = self.needs_tool(shell, shell)
        terminal, slave = os.openpty()
        # In a session of its own: the terminal that it opens then controls it.
        process = subprocess.Popen(
            [program, "-f", "-i"], stdin=slave, stdout=slave, stderr=slave,
            env=self.environment, start_new_session=True,
        )  # fmt: skip
        try:
            _type(terminal, ZSH)
            _await(terminal, "listening")  # before that the line would not be edited
            _type(terminal, line + LIST)
            _await(terminal, *words, again=LIST)
        finally:
            process.kill()
            process.wait(PATIENCE_S)
            os.close(slave)
            os.close(terminal)


def _type(terminal: int, text: str) -> None:
    os.write(terminal, text.encode())


def _await(terminal: int, *words: str, again: str = "") -> None:
    """Read until all these words have come; what is to be typed ``again`` is when none come."""
    seen, deadline = "", time.monotonic() + PATIENCE_S
    while not all(word in seen for word in words):
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], SILENCE_S)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
        else:
            _type(terminal, again)


@pytest.fixture
def shells(tmp_path: Path, needs_tool: Callable[[str, str], str]) -> Shells:
    program = tmp_path / "bin" / "jobd"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m jobd "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "dumb",
        "JOBD_SOCKET": str(tmp_path / "nobody.sock"),
    }
    return Shells(needs_tool, environment)


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_are_completed(shells: Shells, shell: str) -> None:
    shells.see(shell, "jobd ctl s", "show", "skip-next", "status")


@pytest.mark.parametrize("shell", SHELLS)
def test_options_are_completed(shells: Shells, shell: str) -> None:
    shells.see(shell, "jobd ctl trigger --", "--wait", "--queue", "--follow")


@pytest.mark.parametrize("shell", SHELLS)
def test_job_names_come_from_the_daemon(shells: Shells, server: Served, shell: str) -> None:
    shells.environment["JOBD_SOCKET"] = server.path
    shells.see(shell, "jobd ctl show ", "backup")


def test_only_what_begins_so_is_offered(shells: Shells, server: Served) -> None:
    shells.environment["JOBD_SOCKET"] = server.path
    shells.see_only("bash", "jobd ctl show b", "backup")


def test_runs_and_nodes_come_from_the_daemon(shells: Shells, server: Served) -> None:
    shells.environment["JOBD_SOCKET"] = server.path
    server.call(server.node.start_run("run-7"))
    shells.see_only("bash", "jobd ctl logs ", "backup", "run-7")
    shells.see_only("bash", "jobd ctl cancel r", "run-7")
    shells.see_only("bash", "jobd ctl drain --node ", server.node.identity.node)


@pytest.mark.parametrize("shell", ["bash", "fish"])
@pytest.mark.parametrize("line", ["jobd ctl show ", "jobd ctl cancel ", "jobd ctl drain --node "])
def test_without_a_daemon_nothing_is_offered_and_nothing_is_said(
    shells: Shells, shell: str, line: str
) -> None:
    """A word on standard error would stand in the middle of the line that is being typed."""
    assert shells.offered(shell, line) == set()


def test_next_completes_the_jobs_of_its_configuration(shells: Shells, tmp_path: Path) -> None:
    path = tmp_path / "jobd.toml"
    path.write_text('[jobs.weekly]\ncommand = "x"\n')
    assert shells.offered("bash", f"jobd next -c {path} ") == {"weekly"}
    path.write_text("[jobs.weekly\n")
    assert shells.offered("bash", f"jobd next -c {path} ") == set()


def test_a_description_keeps_its_commas_in_fish(shells: Shells) -> None:
    program = shells.needs_tool("fish", "fish")
    done = subprocess.run(
        [program, "-c", FISH, "jobd ctl statu"],
        env=shells.environment, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "status\tWhat runs, waits, failed and comes next.\n"
