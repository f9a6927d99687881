"""A machine: Debian 12 in QEMU, told what to do over a virtual serial port."""

import contextlib
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from tests.vm.image import Image

MEMORY_MB = 1024
PROCESSORS = 2
BOOT_WITHIN_S = 180.0
STOP_WITHIN_S = 90.0
LOOK_EVERY_S = 0.1
# A quiet kernel that trusts its clock: both save an imitated processor seconds of its boot.
COMMAND_LINE = (
    "console=ttyS0 root=/dev/vda rw panic=-1 quiet loglevel=3 systemd.show_status=false "
    "tsc=reliable no_timer_check mitigations=off audit=0"
)


class Failed(AssertionError):
    """A script in the machine ended with another status than 0."""


class Machine:
    """One power-on of a disk: ``with Machine(...) as machine``. Afterwards the disk can be
    used for the next, as a server's is."""

    def __init__(
        self, image: Image, disk: Path, accelerator: tuple[str, str], cargo: Path | None = None
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="jobd-vm-")
        self._directory = Path(self._scratch.name)
        self._port = socket.socket(socket.AF_UNIX)
        self._answers = b""
        with (self._directory / "qemu").open("wb") as complaints:
            self._qemu = subprocess.Popen(
                self._command(image, disk, accelerator, cargo),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
            )

    def __enter__(self) -> Self:
        try:
            self._connect()
            assert self._answer(BOOT_WITHIN_S).get("ready"), "the attendant does not greet"
        except BaseException:
            self.cut_power()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.cut_power()
        self._scratch.cleanup()

    def run(self, script: str, within_s: float = 60.0) -> str:
        """Return what a script of the shell writes, both streams; :class:`Failed` if it fails."""
        order = {"script": script, "within_s": within_s}
        self._port.sendall(json.dumps(order).encode() + b"\n")
        answer = self._answer(within_s + 30.0)
        if answer["status"] != 0:
            raise Failed(f"{script}\nended with {answer['status']}:\n{answer['output']}")
        return str(answer["output"]).strip()

    def wait_until(self, condition: str, within_s: float = 60.0) -> None:
        """Wait in the machine until a script of the shell succeeds."""
        try:
            self.run(f"until {condition}; do sleep 0.2; done 2>/dev/null", within_s)
        except Failed:
            raise Failed(f"not within {within_s:.0f} s: {condition}\n{self.run(JOURNAL)}") from None

    def cut_power(self) -> None:
        """End it in the middle of whatever it does; what was not on its disk yet is lost."""
        self._port.close()
        self._qemu.kill()
        self._qemu.wait()

    def shut_down(self) -> None:
        """Let systemd stop everything and power off."""
        self._port.sendall(
            json.dumps({"script": "systemctl poweroff", "within_s": 30}).encode() + b"\n"
        )
        self._qemu.wait(STOP_WITHIN_S)

    def console(self) -> str:
        """Return what kernel and systemd wrote to the console, for a message of failure."""
        with contextlib.suppress(OSError):
            return (self._directory / "console").read_text(errors="replace")[-3000:]
        return ""

    def _command(
        self, image: Image, disk: Path, accelerator: tuple[str, str], cargo: Path | None
    ) -> list[str]:
        kind, processor = accelerator
        # What the guest has flushed is in this system's memory, which outlives the guest.
        drives = ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
        if cargo is not None:
            drives += ["-drive", f"file={cargo},format=raw,if=virtio,readonly=on"]
        port = f"socket,id=port,path={self._directory}/port,server=on,wait=off"
        return [
            "qemu-system-x86_64", "-M", "q35,vmport=off,hpet=off", "-accel", kind,
            "-cpu", processor, "-smp", str(PROCESSORS), "-m", str(MEMORY_MB),
            "-display", "none", "-nodefaults", "-no-reboot",
            "-kernel", str(image.kernel), "-initrd", str(image.initramfs),
            "-append", COMMAND_LINE, "-serial", f"file:{self._directory}/console",
            *drives, "-device", "virtio-serial-pci", "-chardev", port,
            "-device", "virtserialport,chardev=port,name=jobd.attendant",
        ]  # fmt: skip

    def _connect(self) -> None:
        until_s = time.monotonic() + 10.0
        while True:
            try:
                return self._port.connect(f"{self._directory}/port")
            except OSError:
                if self._qemu.poll() is not None or time.monotonic() > until_s:
                    raise AssertionError((self._directory / "qemu").read_text()) from None
                time.sleep(LOOK_EVERY_S)  # QEMU makes the socket in its first moments

    def _answer(self, within_s: float) -> dict[str, Any]:
        until_s = time.monotonic() + within_s
        while b"\n" not in self._answers:
            self._port.settimeout(max(0.1, until_s - time.monotonic()))
            try:
                part = self._port.recv(1 << 16)
            except TimeoutError:
                part = b""
            if not part:
                raise AssertionError(f"the machine does not answer; its console:\n{self.console()}")
            self._answers += part
        line, _, self._answers = self._answers.partition(b"\n")
        return dict(json.loads(line))


JOURNAL = "journalctl --no-pager -o short-monotonic -n 60 -u jobd -u jobd-supervisor; true"
