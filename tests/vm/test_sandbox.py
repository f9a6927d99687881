"""The sandbox in which the outage is replayed, under cgroup v2 with all controllers."""

from tests.vm.server import Server

# Two children of one shell; the hog is killed, its neighbour is not: as on a server.
SCRIPT = """
import subprocess, sys
from deploy.outage.sandbox import Sandbox
sandbox = Sandbox(64 << 20, 50)
work = "sleep 2 & python3 -c 'bytearray(300 << 20)'; wait $! && echo neighbour lives"
told = subprocess.run(sandbox.command("/bin/sh", "-c", work), capture_output=True, text=True)
print(told.stdout.strip(), sandbox.oom_kills(), sandbox.peak_bytes() <= 64 << 20)
sandbox.close()
"""


def test_it_bounds_what_it_holds_and_kills_one_at_a_time(server: Server) -> None:
    server.run(f"cat > /root/sandbox.py <<'END'\n{SCRIPT}\nEND")
    told = server.run(
        "systemd-run --quiet --pipe --wait -p Delegate=yes -E PYTHONPATH=/root/jobd "
        "/usr/bin/python3 /root/sandbox.py"
    )
    assert told == "neighbour lives 1 True"
    assert server.run("find /sys/fs/cgroup -name '*outage*'") == ""
