"""The daemons that the pages' commands are given to."""

from tests.system.conftest import make_node, make_shared_node

__all__ = ["make_node", "make_shared_node"]
