"""Importers: what another scheduler was told -> jobd's configuration, and what that cannot say.

An importer is a function from text to an :class:`~jobd.config.importers.imported.Import`. It
reads no clock and runs nothing, so that a file from any machine can be imported on any other.
(What Celery is told is code: ``celery.probe`` has it run by the interpreter that it belongs to.)
Each line that meant something ends up as (part of) a job or as a finding; nothing is dropped.
"""
