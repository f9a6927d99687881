"""Quiet: wait until nobody else uses the machine, for a while; noise is no figure."""

import os
import time
from pathlib import Path

LOOKED_S = 0.3  # over so long it is measured how busy the others are
PATIENCE_S = 5.0
BUSY_AT_MOST = 0.25  # of one core


def wait_quiet() -> None:
    """Return once the machine is nearly idle; say so and return when it does not get so."""
    until_s = time.monotonic() + PATIENCE_S
    while (busy := _busy_cores()) > BUSY_AT_MOST:
        if time.monotonic() > until_s:
            print(f"        noisy: others use {busy:.1f} of {os.cpu_count()} cores", flush=True)
            return


def _busy_cores() -> float:
    before = _idle_s()
    time.sleep(LOOKED_S)
    return (os.cpu_count() or 1) - (_idle_s() - before) / LOOKED_S


def _idle_s() -> float:
    """Return the idle time of all cores together since the boot: proc(5)."""
    fields = Path("/proc/stat").read_text().split(maxsplit=6)
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
