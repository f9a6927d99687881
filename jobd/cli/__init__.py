"""SPEAKS: one module per command group; the only place that prints."""
