# SPDX-License-Identifier: GPL-2.0-only
"""The running dnsmasq: DHCP and TFTP. What its log says of machines goes on."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from pathlib import Path

from . import ServeError

MAC = r"(?P<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2})"
IP = r"(?P<ip>\d+\.\d+\.\d+\.\d+)"
ASKED = re.compile(rf"DHCPDISCOVER\(\S+\)(?: {IP})? {MAC}")
LEASED = re.compile(rf"DHCPACK\(\S+\) {IP} {MAC}")
PXE = re.compile(rf"PXE\(\S+\) (?:{IP} )?{MAC}")
ARCH = re.compile(r"vendor class: (?:PXE|HTTP)Client:Arch:(?P<arch>\d+)")
SENT = re.compile(rf"sent (?P<path>\S+) to {IP}$")
ARCHS = {0: "BIOS", 6: "UEFI 32", 7: "UEFI 64", 9: "UEFI 64", 16: "UEFI HTTP"}


class Dnsmasq:
    """`clients` hears of machines; `ended` is called if dnsmasq ends unasked."""

    def __init__(self, folder: Path, clients, ended):
        program = shutil.which("dnsmasq", path="/usr/sbin:/sbin:/usr/bin")
        if not program:
            raise ServeError("dnsmasq is not installed; install the package dnsmasq-base")
        self._program = program
        self._folder = folder
        self._clients = clients
        self._ended = ended
        self._process: subprocess.Popen | None = None
        self._stopping = False
        self._last: list[str] = []

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, text: str) -> None:
        """Starts it with this configuration, or starts it again. Raises ServeError."""
        self.stop()
        conf = self._folder / "dnsmasq.conf"
        conf.write_text(text)
        self._stopping = False
        self._last = []
        # bind-dynamic: on the named cards only, also after their addresses changed.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL",  # it does not outlive us
             self._program, f"--conf-file={conf}", "--keep-in-foreground", "--log-facility=-",
             "--bind-dynamic", "--except-interface=lo", "--user=nobody", "--group=nogroup", "--pid-file"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        try:
            self._process.wait(0.3)
        except subprocess.TimeoutExpired:
            return
        reasons = [line for line in self._last if "FAILED" not in line and "started" not in line]
        raise ServeError("dnsmasq did not start: " + (reasons[-1] if reasons else "it said nothing")
                         + "; is another DHCP or TFTP server running on this machine?")

    def stop(self) -> None:
        self._stopping = True
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def _read(self, process: subprocess.Popen) -> None:
        assert process.stderr
        mac = ""
        for line in process.stderr:
            line = line.rstrip()
            self._last = [*self._last[-20:], line]
            mac = self._hear(line, mac)
        if not self._stopping:
            self._ended(self._last[-1] if self._last else "")

    def _hear(self, line: str, mac: str) -> str:
        """Takes one line; returns whose request the next lines are about."""
        if found := ASKED.search(line):
            return found["mac"]
        if found := LEASED.search(line):
            if self._clients.known(found["mac"]):
                self._clients.event(found["mac"], ip=found["ip"])
        elif found := PXE.search(line):
            self._clients.event(found["mac"], "asked", **({"ip": found["ip"]} if found["ip"] else {}))
            return found["mac"]
        elif found := ARCH.search(line):
            if mac:
                self._clients.event(mac, "asked", kind=ARCHS.get(int(found["arch"]), f"type {int(found['arch'])}"))
        elif found := SENT.search(line):
            owner = self._clients.mac_of(found["ip"])
            if owner:
                self._clients.event(owner, f"got {Path(found['path']).name}")
        return mac
