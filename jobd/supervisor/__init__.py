"""HOLDS: starts, limits, watches and ends the children. Standard library only."""
