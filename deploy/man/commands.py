"""jobd(1) and jobd-ctl(1): the commands, from what their help is made of."""

from collections.abc import Callable, Iterator, Sequence

import click

from deploy.man.roff import Page
from jobd import __version__
from jobd.cli import exits
from jobd.cli.described import Described, Exits, in_order
from jobd.cli.main import jobd

SOURCE = f"jobd {__version__}"
TITLE = "jobd"
FILES = (
    ("/etc/jobd/jobd.toml", "The configuration: jobd.toml(5)."),
    ("/var/lib/jobd", "The state directory: the ledger, the history, output of runs."),
    ("/run/jobd/jobd.sock", "The socket at which the daemon is asked and controlled."),
)
ENVIRONMENT = (
    ("JOBD_SOCKET", "The daemon's socket, for `jobd ctl`, unless --socket names another."),
    ("JOBD_STORE_URL", "The URL of the store, in place of the configured one."),
    (
        "CREDENTIALS_DIRECTORY",
        "Where the service manager puts the credentials `store-url` and `store-password`.",
    ),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "The service manager, which is told how the daemon is."),
    ("NO_COLOR, TERM", "Without colour, if the first is set or the second is `dumb`."),
)


def jobd_page() -> Page:
    """Return jobd(1): all commands but those of ``ctl``."""
    page = Page("jobd", 1, TITLE, SOURCE, "periodic jobs that never overlap and never pile up")
    page.head("SYNOPSIS")
    page.synopsis(f"jobd {name} {_usage(c)}".strip() for name, c in _members(jobd))
    page.head("DESCRIPTION")
    page.paragraph(
        "jobd is a daemon that runs periodic jobs on a server, like cron. A job never runs beside "
        "itself unless it says so, never takes more memory, time or processes than it was given, "
        "and no tick of a schedule gets lost: each one ends as a run, or as a skip with a reason. "
        "`jobd run` is the daemon; `jobd ctl`, which has a page of its own, asks and controls it.",
        is_first=True,
    )
    page.head("OPTIONS")
    page.terms([("--help", "The help, of jobd or of each command."), *_options(jobd, known=())])
    page.head("COMMANDS")
    for name, command in _members(jobd):
        if isinstance(command, click.Group):
            page.subhead(f"jobd {name} COMMAND")
            page.paragraph(f"{_paragraphs(command)[0]} See jobd-ctl(1).", is_first=True)
        else:
            _write(page, f"jobd {name}", command, known=())
    page.head("EXIT STATUS")
    page.paragraph("They are those of sysexits.h; which, is said with each command.", is_first=True)
    page.terms((str(status), _sentence(words)) for status, words in exits.WORDS.items())
    page.head("ENVIRONMENT")
    page.terms(ENVIRONMENT)
    _end(page, "jobd-ctl(1), jobd.toml(5), cron(8), systemd.timer(5)")
    return page


def ctl_page() -> Page:
    """Return jobd-ctl(1): what is asked of a daemon that runs."""
    ctl = jobd.get_command(click.Context(jobd), "ctl")
    assert isinstance(ctl, click.Group)
    shared = tuple(option.name or "" for option in ctl.params)
    page = Page("jobd-ctl", 1, TITLE, SOURCE, "ask or control the jobd daemon on this node")
    page.head("SYNOPSIS")
    page.synopsis(f"jobd ctl {name} {_usage(c)}".strip() for name, c in _members(ctl))
    page.head("DESCRIPTION")
    for number, words in enumerate(_paragraphs(ctl)):
        page.paragraph(words, is_first=number == 0)
    page.paragraph("Members of the group of the socket may use it; what was done is kept with who.")
    page.head("OPTIONS")
    page.paragraph("Before the command, or behind it.", is_first=True)
    page.terms(_options(ctl, known=()))
    page.head("COMMANDS")
    for name, command in _members(ctl):
        _write(page, f"jobd ctl {name}", command, known=shared)
    page.head("EXIT STATUS")
    page.terms(_statuses(getattr(ctl, "exits", {})))
    page.head("ENVIRONMENT")
    page.terms(ENVIRONMENT[:1] + ENVIRONMENT[-1:])
    _end(page, "jobd(1), jobd.toml(5)")
    return page


def _write(page: Page, path: str, command: click.Command, known: Sequence[str]) -> None:
    """Write a command's part; ``known`` options are explained elsewhere."""
    page.subhead(f"{path} {_usage(command)}".strip())
    for number, words in enumerate(_paragraphs(command)):
        page.paragraph(words, is_first=number == 0)
    page.terms(_options(command, known))
    if isinstance(command, Described):
        page.examples(command.examples)
        if command.exits:
            page.paragraph("Exit status:")
            page.terms(_statuses(command.exits))


def _end(page: Page, others: str) -> None:
    page.head("FILES")
    page.terms(FILES)
    page.head("SEE ALSO")
    page.paragraph(others, is_first=True)


def _members(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command


def _usage(command: click.Command) -> str:
    """Return what may stand behind a command: options in general, its arguments by name."""
    pieces = command.collect_usage_pieces(click.Context(command))
    return " ".join(piece for piece in pieces if piece != "[ARGS]...")


def _options(command: click.Command, known: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options as the help has them: what is typed, and the words."""
    context = click.Context(command)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        is_known = parameter.name in known or "--help" in parameter.opts
        if record is not None and record[1] and not is_known:
            yield record[0], _sentence(record[1])


def _statuses(told: Exits) -> Iterator[tuple[str, str]]:
    return ((status, _sentence(words)) for status, words in in_order(told))


def _paragraphs(command: click.Command) -> list[str]:
    return [part for part in (command.help or "").split("\n\n") if part.strip()]


def _sentence(words: str) -> str:
    whole = words if words.endswith((".", "]", "?")) else f"{words}."
    return whole[:1].upper() + whole[1:]


PAGES: dict[str, Callable[[], Page]] = {"jobd.1": jobd_page, "jobd-ctl.1": ctl_page}
