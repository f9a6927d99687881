"""The guard: a shell that outlives the supervisor by a moment, to leave no child behind.

It waits on a pipe that only the supervisor holds. When the supervisor is gone, for whatever
reason, the kernel closes the pipe and the guard kills what was held, and removes the sockets
of the runs.
"""

import os
import signal

# Arguments: the mark of trees that no group holds, or ""; the directory of sockets, or "";
# then the directories of runs.
_SCRIPT = r"""
trap '' HUP INT TERM QUIT
while read -r _; do :; done
mark=$1; sockets=$2; shift 2
tries=0
while [ "$tries" -lt 500 ]; do
    tries=$((tries + 1)); found=
    for runs; do
        [ -e "$runs/cgroup.kill" ] && echo 1 > "$runs/cgroup.kill"
        for procs in "$runs"/cgroup.procs "$runs"/*/cgroup.procs "$runs"/*/*/cgroup.procs; do
            [ -e "$procs" ] && while read -r pid; do kill -9 "$pid"; found=1; done < "$procs"
        done
    done
    if [ -n "$mark" ]; then
        for environ in /proc/[0-9]*/environ; do
            grep -qaF "JOBD_TREE=$mark" "$environ" || continue
            pid=${environ#/proc/}; pid=${pid%/environ}
            [ "$pid" = "$$" ] || { kill -9 "$pid" && found=1; }
        done
    fi
    [ -n "$found" ] || break
    sleep 0.02
done
if [ -n "$sockets" ]; then
    for socket in "$sockets"/*; do [ -S "$socket" ] && rm -f "$socket"; done
    rmdir "$sockets"
fi
for runs; do
    for group in "$runs"/*/*/ "$runs"/*/ "$runs"; do [ -d "$group" ] && rmdir "$group"; done
done
"""


class Guard:
    """Keeps one guard alive. OSError when it cannot be started."""

    def __init__(self, mark: str, sockets: str, directories: list[str]) -> None:
        self._arguments = [mark, sockets, *directories]
        self._theirs, self._ours = os.pipe2(os.O_CLOEXEC)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.pid = self._start()

    def restart(self) -> None:
        """Somebody killed the guard; have another."""
        self.pid = self._start()

    def _start(self) -> int:
        files = (self._theirs, self._null, self._null)
        return os.posix_spawn(
            "/bin/sh",
            ["jobd-guard", "-c", _SCRIPT, "jobd-guard", *self._arguments],
            {"PATH": "/usr/local/bin:/usr/bin:/bin"},
            file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)],
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE,),
        )
