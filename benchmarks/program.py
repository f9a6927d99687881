"""The tiny program of the herd: appends when it started, in nanoseconds since 1970, to a file."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

int main(int count, char **words)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int file = open(words[1], O_WRONLY | O_APPEND);
    return dprintf(file, "%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec) != 20;
}
"""


@dataclass(frozen=True, slots=True)
class Program:
    """``argv`` lacks one word: the file to append to."""

    argv: tuple[str, ...]
    what: str


def build(folder: Path) -> Program:
    """Return the program: compiled in ``folder``, or made of what every system has."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is not None:
        (folder / "start.c").write_text(SOURCE, encoding="utf-8")
        path = folder / "start"
        command = [compiler, "-O2", "-static", "-o", str(path), str(folder / "start.c")]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return Program((str(path),), "ten lines of C, linked statically")
    script = 'exec date +%s%N >> "$0"'
    return Program(("/bin/sh", "-c", script), "sh and date, for want of a C compiler")
