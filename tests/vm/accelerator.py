"""Whether this machine's processor can run a guest itself, or has to be imitated."""

import subprocess
from pathlib import Path

_END_WITHIN_S = 8.0
_NATIVE = ("kvm", "host")
_IMITATED = ("tcg,thread=multi", "Nehalem")


def find_accelerator(kernel: Path) -> tuple[str, str]:
    """Return the accelerator and the model of the processor, in QEMU's words.

    /dev/kvm can be there, and open, and a guest yet stand still at its first interrupt: in a
    machine that is a guest itself. So a kernel has to get as far as to miss its root file
    system, and to restart for it, which takes a second or two.
    """
    return _NATIVE if Path("/dev/kvm").exists() and _gets_to_an_end(kernel) else _IMITATED


def _gets_to_an_end(kernel: Path) -> bool:
    argv = [
        "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults",
        "-display", "none", "-no-reboot", "-kernel", str(kernel), "-append", "panic=-1 quiet",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_END_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
