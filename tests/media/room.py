# SPDX-License-Identifier: GPL-2.0-only
"""A room without machines: network namespaces on a bridge, in them tessera-serve, a
foreign DHCP server, and clients that say of themselves what PCs say."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SCALE = float(os.environ.get("TESSERA_TIMEOUT_SCALE", "1"))
_rooms = itertools.count(1)
CLIENT = Path(__file__).with_name("client.py")


def run(*words, check=True):
    return subprocess.run([str(w) for w in words], check=check, capture_output=True, text=True).stdout


def wait_until(what, seconds, description):
    end = time.monotonic() + seconds * SCALE
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds * SCALE:g} s: {description}")
        time.sleep(0.05)


class Host:
    """A machine: a namespace with one card."""

    def __init__(self, room, name):
        self.room, self.name = room, name
        self.space = f"{room.prefix}{name}"
        self.children = []
        run("ip", "netns", "add", self.space)
        run("ip", "-n", room.space, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        run("ip", "-n", room.space, "link", "set", name, "master", "br0", "up")
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        run("ip", "-n", self.space, "link", "set", "eth0", "up")

    def address(self, text):
        run("ip", "-n", self.space, "addr", "add", text, "brd", "+", "dev", "eth0")

    def addresses(self):
        found = json.loads(run("ip", "-n", self.space, "-json", "-4", "addr", "show", "dev", "eth0"))
        return [f"{a['local']}/{a['prefixlen']}" for entry in found for a in entry.get("addr_info", [])]

    def spawn(self, *words, **options):
        child = subprocess.Popen(["ip", "netns", "exec", self.space, *map(str, words)],
                                 stdin=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child

    def run(self, *words, check=True):
        return run("ip", "netns", "exec", self.space, *words, check=check)

    def client(self, *words):
        """What the client of client.py heard."""
        return json.loads(self.run("/usr/bin/python3", CLIENT, *words))

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        run("ip", "netns", "del", self.space, check=False)


class Serve:
    """A running tessera-serve."""

    def __init__(self, host, payload, *options):
        self.host, self.run_folder = host, host.room.folder / f"run-{host.name}"
        self.log = host.room.folder / f"{host.name}.log"
        self.words = [TOP / "userland/serve/tessera-serve", "--payload", payload, "--run", self.run_folder,
                      "--key-file", host.room.folder / "key", *options]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = host.spawn(*self.words, stdout=log, stderr=log)

    def said(self):
        return self.log.read_text()

    def ready(self):
        def check():
            assert self.process.poll() is None, self.said()
            return "ready:" in self.said()
        wait_until(check, 30, "tessera-serve is ready")
        wait_until(lambda: (self.run_folder / "state.json").exists(), 5, "its state is written")
        return self

    def status(self):
        return json.loads(self.host.run(TOP / "userland/serve/tessera-serve", "--run", self.run_folder,
                                        "--status", "--json"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


class Room:
    def __init__(self, folder):
        self.folder = folder
        self.prefix = f"serve{os.getpid()}.{next(_rooms)}"
        self.space = f"{self.prefix}lan"
        self.hosts = []
        (folder / "key").write_text("a secret\n")
        run("ip", "netns", "add", self.space)
        run("ip", "-n", self.space, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.space, "link", "set", "br0", "up")

    def host(self, name):
        host = Host(self, name)
        self.hosts.append(host)
        return host

    def foreign_dhcp(self, name="router"):
        """Somebody's router: leases, and not a word about booting."""
        host = self.host(name)
        host.address("192.168.44.1/24")
        log = open(self.folder / f"{name}.log", "w", encoding="utf-8")
        host.spawn("dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--port=0", "--interface=eth0", "--bind-interfaces",
                   "--dhcp-range=192.168.44.100,192.168.44.199", "--log-dhcp", "--no-ping",
                   f"--dhcp-leasefile={self.folder}/{name}.leases", stdout=log, stderr=log)
        wait_until(lambda: "DHCP" in (self.folder / f"{name}.log").read_text(), 10, "the foreign DHCP server")
        return host

    def close(self):
        for host in self.hosts:
            host.close()
        run("ip", "netns", "del", self.space, check=False)


sys.path.insert(0, str(TOP / "userland/serve"))
