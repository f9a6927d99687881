"""Importer of systemd's timers: unit files -> jobs, and what those cannot say.

From text to jobs, each a module: ``syntax`` (lines, words, values), ``unit`` (a unit with its
drop-ins), ``folder`` (where it is found), ``specifiers``; ``draft`` (a job in the making);
``calendar`` and ``elapse`` (OnCalendar= to sets of times), ``timer``; ``execution``, ``script`` and
``program`` (Exec…= to a command), ``environment``, ``outcomes``, ``service``; ``settings`` (what is
carried, passed over, told), and ``importer``, which puts them together.
"""
