"""The attendant: inside the machine, executes what the tests ask for and answers what came of it.

Each line on the virtual serial port is a shell script in JSON; the answer is a line as well.
"""

import glob
import json
import os
import subprocess
import sys
import time
from pathlib import Path

PORT = "jobd.attendant"
PATIENCE_S = 30


def find_port():
    """Return the device of our serial port; the kernel finds it a moment after the boot."""
    for _ in range(PATIENCE_S * 10):
        for name in glob.glob("/sys/class/virtio-ports/*/name"):
            if Path(name).read_text(encoding="ascii").strip() == PORT:
                return f"/dev/{Path(name).parent.name}"
        time.sleep(0.1)  # between two looks, for PATIENCE_S in all
    sys.exit(f"no serial port {PORT}")


def execute(order):
    """Run one script; return its status and what it wrote."""
    try:
        done = subprocess.run(
            ["/bin/bash", "-c", order["script"]], timeout=order["within_s"], cwd="/root",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        return {"status": 124, "output": (error.output or b"").decode(errors="replace")}
    return {"status": done.returncode, "output": done.stdout.decode(errors="replace")}


def tell(port, document):
    """Write one line, however long: the port takes 32 KiB at a time."""
    line = json.dumps(document).encode() + b"\n"
    while line:
        line = line[port.write(line) :]


def main():
    """Serve until the machine goes down."""
    with open(find_port(), "r+b", buffering=0) as port:
        tell(port, {"ready": True})
        waiting = b""
        while True:
            part = os.read(port.fileno(), 65536)
            if not part:  # nobody holds the other end
                time.sleep(0.1)  # between two reads, for as long as the machine runs
            waiting += part
            while b"\n" in waiting:
                line, _, waiting = waiting.partition(b"\n")
                tell(port, execute(json.loads(line)))


if __name__ == "__main__":
    main()
