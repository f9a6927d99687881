"""Importer of Celery beat's schedule: entries -> jobs that run the tasks themselves.

``prober`` is executed by the interpreter that has the application, ``probe`` starts it and reads
what it tells, ``beat`` makes jobs of that. Celery need not be installed where jobd is.
"""
