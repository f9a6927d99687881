"""jobd: periodic jobs on servers that never overlap, never pile up, and can be asked why.

Light on purpose: the supervisor and ``jobd ctl`` import this package, and neither
may pay for the daemon's libraries.
"""

__version__ = "0.1.0"
