"""Newcomer: the tree and the environment that somebody has who has just fetched jobd."""

import os
from pathlib import Path

TREE = Path(__file__).parent.parent.parent


def fresh_environment() -> dict[str, str]:
    """Return an environment without what the virtual environment of the tests set."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CONFIG")
    return {name: value for name, value in os.environ.items() if name not in ours}
