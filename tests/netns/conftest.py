# SPDX-License-Identifier: GPL-2.0-only
"""Real omdiscds, each in a network namespace of its own, all on one bridge.

The node table is a file, since the build host's kernel has none. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TESSERA_BUILD", TOP / "build"))
OMDISCD = BUILD / "userland" / "omdiscd"
SCALE = float(os.environ.get("TESSERA_TIMEOUT_SCALE", "1"))


def run(*words, check=True):
    return subprocess.run([str(w) for w in words], check=check, capture_output=True, text=True).stdout


def wait_until(what, seconds, description):
    """The first true value of what(), asked for until the deadline."""
    begin = time.monotonic()
    while True:
        value = what()
        if value:
            return value, time.monotonic() - begin
        if time.monotonic() - begin > seconds * SCALE:
            raise AssertionError(f"not within {seconds * SCALE:g} s: {description}")
        time.sleep(0.02)


class Host:
    """A machine: namespace, card, and perhaps a daemon."""

    def __init__(self, lan, index):
        self.lan, self.index = lan, index
        self.space = f"{lan.prefix}h{index}"
        self.wire = f"w{index}"
        self.table = lan.folder / f"{index}.table"
        self.socket = lan.folder / f"{index}.socket"
        self.log = lan.folder / f"{index}.log"
        self.daemon = None
        run("ip", "netns", "add", self.space)
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        self.add_card(0, "br0")

    def add_card(self, number, bridge):
        """Card eth<number>, its cable in a switch."""
        wire, card = f"{self.wire}c{number}", f"eth{number}"
        run("ip", "-n", self.lan.space, "link", "add", wire, "type", "veth",
            "peer", "name", card, "netns", self.space)
        run("ip", "-n", self.lan.space, "link", "set", wire, "master", bridge, "up")
        run("ip", "-n", self.space, "link", "set", card, "address",
            f"52:54:00:{number:02x}:{self.index // 256:02x}:{self.index % 256:02x}")
        run("ip", "-n", self.space, "link", "set", card, "up")

    def address(self, text=None, card="eth0"):
        run("ip", "-n", self.space, "addr", "add", text or f"10.77.1.{self.index}/16", "dev", card)

    def start(self, *options, secret="secret"):
        key = self.lan.folder / f"{self.index}.key"
        key.write_text(secret + "\n")
        with open(self.log, "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(
                ["ip", "netns", "exec", self.space, OMDISCD, "-n", "--table", self.table,
                 "--socket", self.socket, "--key-file", key, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, number=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(number)
            self.daemon.wait(10)
            self.daemon = None

    def plug(self, in_, card=0):
        run("ip", "-n", self.lan.space, "link", "set", f"{self.wire}c{card}", "up" if in_ else "down")

    def python(self, script, *arguments):
        """Python that runs on this machine, with what it says: a text, or a file."""
        script = [script] if isinstance(script, Path) else ["-c", script]
        words = [sys.executable, *script, *arguments]
        return subprocess.Popen(["ip", "netns", "exec", self.space, *map(str, words)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def status(self):
        done = subprocess.run([OMDISCD, "--status", "--json", "--socket", self.socket],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def rows(self):
        """Node number and status of each row of the table."""
        try:
            lines = self.table.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {int(line.split()[0]): int(line.split()[1], 16) for line in lines}

    def addresses(self, number):
        """Of a row of the table, the preferred one first."""
        for line in self.table.read_text().splitlines():
            if int(line.split()[0]) == number:
                return line.split()[4:]
        return []

    def heard(self):
        return self.status().get("received", 0)

    def up(self):
        """The numbers that may be used, our own with them."""
        return {number for number, status in self.rows().items() if status & 2}


class Lan:
    def __init__(self, folder):
        self.folder = folder
        self.prefix = f"disc{os.getpid()}"
        self.space = f"{self.prefix}lan"
        self.hosts = []
        run("ip", "netns", "add", self.space)
        self.add_switch("br0")

    def add_switch(self, name, *options):
        run("ip", "-n", self.space, "link", "add", name, "type", "bridge", *options)
        run("ip", "-n", self.space, "link", "set", name, "up")

    def add(self, n=1, address=True):
        for _ in range(n):
            host = Host(self, len(self.hosts) + 1)
            self.hosts.append(host)
            if address:
                host.address()
        return self.hosts[-n:]

    def close(self):
        for host in self.hosts:
            if host.daemon:
                host.stop(signal.SIGKILL)
            run("ip", "netns", "del", host.space, check=False)
        run("ip", "netns", "del", self.space, check=False)


def clear_dead_runs():
    """Name spaces of runs that were killed."""
    for line in run("ip", "netns", "list").splitlines():
        found = re.match(r"disc(\d+)(?:h\d+|lan)\b", line)
        if found and not Path(f"/proc/{found[1]}").exists():
            run("ip", "netns", "del", line.split()[0], check=False)


@pytest.fixture
def lan(tmp_path):
    if os.geteuid():
        pytest.skip("network namespaces need root")
    if not OMDISCD.exists():
        pytest.fail("omdiscd is not built; 'make userland' makes it")
    clear_dead_runs()
    tmp_path.chmod(0o777)
    made = Lan(tmp_path)
    for path in tmp_path.parents:
        if path != Path("/") and path.stat().st_uid == 0 and path != Path("/tmp"):
            path.chmod(path.stat().st_mode | 0o011)
    yield made
    made.close()
    shutil.rmtree(tmp_path, ignore_errors=True)
