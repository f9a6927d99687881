"""``jobd schema``: the JSON Schema of the configuration."""

import json

import click

from jobd.cli.described import Described
from jobd.config.json_schema import configuration_schema


@click.command(
    "schema",
    cls=Described,
    examples=[
        (
            "jobd schema > /etc/jobd/jobd.schema.json",
            "then begin a file with: #:schema ./jobd.schema.json",
        ),
    ],
)
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors.

    With it an editor completes keys, shows what they mean and what they are without being
    written, and marks what jobd would refuse. How to tell yours: docs/configuration.md.
    """
    click.echo(json.dumps(configuration_schema(), ensure_ascii=False, indent=2))
