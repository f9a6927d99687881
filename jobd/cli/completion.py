"""``jobd completion``: the script by which a shell completes jobd's words.

click makes it. It calls jobd anew for each press of the tab key, which is why a group completes
its commands without importing them (jobd.cli.lazy).
"""

import click
from click.shell_completion import get_completion_class

from jobd.cli.described import Described

PROGRAM = "jobd"
VARIABLE = "_JOBD_COMPLETE"
SHELLS = ("bash", "zsh", "fish")

# click's script cuts a description at its first comma.
_CUTS, _KEEPS = 'string split ","', 'string split --max 1 ","'


@click.command(
    "completion",
    cls=Described,
    examples=[
        ("jobd completion bash > /usr/share/bash-completion/completions/jobd", "for everybody"),
        ('eval "$(jobd completion zsh)"', "for this shell"),
    ],
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script by which a shell completes jobd's words.

    Commands, options, and the names of jobs, runs and nodes, which it asks of the daemon.
    """
    click.echo(script(shell))


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    kind = get_completion_class(shell)
    assert kind is not None, "these three come with click"
    source = kind(click.Group(PROGRAM), {}, PROGRAM, VARIABLE).source()
    return source.replace(_CUTS, _KEEPS)
