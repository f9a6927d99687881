"""The supervisor's command line. Read by hand: argparse would be a tenth of its memory."""

from collections.abc import Iterator

from jobd.supervisor.enforcer import KINDS

USAGE = f"""\
usage: python -m jobd.supervisor --state-dir DIR [--socket PATH] [--owned] [--linger SECONDS]
                                 [--tree {"|".join(KINDS)}] [--no-limits]

Holds the children of jobd's daemon. --owned: leave SECONDS after the last run ended when no
daemon is left. --tree, --no-limits: do without the better means of this machine."""


class BadUsage(Exception):
    """The command line cannot be understood; the message says what of it."""


class Options:
    """What the command line says."""

    def __init__(self, words: list[str]) -> None:
        self.state_dir = ""
        self.socket = ""
        self.is_owned = False
        self.linger_s = 60.0
        self.tree = "auto"
        self.uses_limits = True
        rest = iter(words)
        for word in rest:
            self._take(word, rest)
        if not self.state_dir.startswith("/"):
            raise BadUsage("--state-dir must be given, as an absolute path")
        self.socket = self.socket or f"{self.state_dir}/supervisor.sock"

    def _take(self, word: str, rest: Iterator[str]) -> None:
        name, has_value, value = word.partition("=")
        if name == "--owned":
            self.is_owned = True
        elif name == "--no-limits":
            self.uses_limits = False
        elif name in ("--state-dir", "--socket", "--linger", "--tree"):
            self._set(name, value if has_value else next(rest, ""))
        else:
            raise BadUsage(f"{word} is not known")

    def _set(self, name: str, value: str) -> None:
        if name == "--state-dir":
            self.state_dir = value
        elif name == "--socket":
            self.socket = value
        elif name == "--linger":
            self.linger_s = _seconds(value)
        elif value in KINDS:
            self.tree = value
        else:
            raise BadUsage(f"--tree {value} is none of {', '.join(KINDS)}")


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise BadUsage(f"--linger {value} is no number of seconds")
    return seconds
