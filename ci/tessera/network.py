# SPDX-License-Identifier: GPL-2.0-only
"""Virtual LANs in a network namespace that nothing leaves.

A LAN is a hub (faults between any two nodes; see ci/hub) or a bridge with taps
(speed). Either way the namespace has an interface with the LAN's name, where a
DHCP server can be started and stopped.
"""

from __future__ import annotations

import os
import re
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from . import artifacts, process, sockets
from .errors import ClusterError, UsageError
from .timing import retry

# Addresses a LAN's DHCP server gives: node N gets 10.<20 + LAN>.<N / 256>.<N % 256>,
# so that its node number, by default its address's last two octets, is N.
SERVER_HOST = "255.254"
STRANGERS = "254.1,{net}.254.250"

# The namespace itself never speaks on the LANs: no IPv6 there.
_SETUP = """
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1024 > /proc/sys/net/unix/max_dgram_qlen
ip link set lo up || exit
echo ready
exec cat
"""


class Namespace:
    """A network namespace that lives as long as its holder, a process of ours."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._log = folder / "namespace.log"
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        artifacts.tool("ip", "iproute2")
        self._holder = process.start(["unshare", *user, "--net", "sh", "-c", _SETUP], folder,
                                     self._log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            raise ClusterError("cannot make a network namespace: "
                               f"{self._log.read_text().strip() or 'no reason given'}"
                               + ("" if os.geteuid() == 0 else "; run as root"))
        self.enter = ["nsenter", "-t", str(self._holder.pid), "-n",
                      *(["-U", "--preserve-credentials"] if user else [])]

    def run(self, *command: str) -> str:
        """Runs a command in the namespace, returns its output. Raises ClusterError."""
        done = subprocess.run([*self.enter, *command], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": process.search_path()})
        if done.returncode:
            raise ClusterError(f"'{' '.join(command)}' failed in the cluster's network "
                               f"namespace: {done.stderr.strip()}")
        return done.stdout

    def close(self) -> None:
        process.kill(self._holder)


@dataclass(frozen=True)
class Port:
    """A node's place on a LAN."""
    node: str
    nic: int
    mac: str
    number: int  # of the node

    @property
    def name(self) -> str:
        return f"{self.node}.{self.nic}"


@dataclass
class Fault:
    """What may go wrong between two ports; None leaves a value as it is.
    loss, dup and reorder are probabilities, delay and jitter milliseconds."""
    loss: float | None = None
    delay: float | None = None
    jitter: float | None = None
    dup: float | None = None
    reorder: float | None = None
    cut: bool | None = None

    def words(self) -> list[str]:
        pairs = vars(self).items()
        return [f"{key}={float(value):g}" for key, value in pairs if value is not None]


class Lan(ABC):
    """One Ethernet and the ports on it."""

    def __init__(self, name: str, index: int, folder: Path, space: Namespace,
                 ports: Sequence[Port]):
        self.name = name
        self.net = f"10.{20 + index}"
        self.folder = folder
        self.space = space
        self.ports = list(ports)
        self._dhcp: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def netdev(self, port: Port, ident: str) -> str:
        """QEMU's -netdev for a port."""

    @abstractmethod
    def start(self) -> None:
        """Brings the LAN up, with its interface in the namespace."""

    def _configure_host(self) -> None:
        self.space.run("ip", "link", "set", self.name, "up")
        self.space.run("ip", "address", "add", f"{self.net}.{SERVER_HOST}/16", "dev", self.name)

    def close(self) -> None:
        self.stop_dhcp()

    def start_dhcp(self, tftp_root: Path | None = None, bootfile: str = "") -> None:
        """Starts a DHCP server on the LAN, serving network boot too if asked."""
        if self._dhcp and self._dhcp.poll() is None:
            return
        log = self.folder / f"{self.name}.dhcp.log"
        mark = log.stat().st_size if log.exists() else 0
        argv = [artifacts.tool("dnsmasq", "dnsmasq-base"), "--keep-in-foreground",
                "--conf-file=/dev/null", "--user=root", "--group=", "--port=0", "--no-ping",
                "--log-facility=-", "--log-dhcp", "--bind-interfaces", "--except-interface=lo",
                f"--interface={self.name}", "--dhcp-authoritative", "--pid-file=",
                f"--dhcp-leasefile={self.folder / (self.name + '.leases')}",
                f"--dhcp-range={self.net}.{STRANGERS.format(net=self.net)},255.255.0.0,1h",
                "--dhcp-option=3", "--dhcp-option=6"]
        argv += [f"--dhcp-host={port.mac},{self._address(port)}" for port in self.ports]
        if tftp_root:
            argv += ["--enable-tftp", f"--tftp-root={tftp_root}", f"--dhcp-boot={bootfile}"]
        self._dhcp = process.start(argv, self.folder, log, prefix=self.space.enter)

        def answering() -> bool:
            assert self._dhcp
            text = log.read_text(errors="replace")[mark:]
            if self._dhcp.poll() is not None:
                raise ClusterError(f"the DHCP server did not start: {text.strip()[-500:]}")
            return "DHCP, sockets bound" in text
        retry(answering, 20, "start of the DHCP server")

    def stop_dhcp(self) -> None:
        process.kill(self._dhcp)
        self._dhcp = None

    def _address(self, port: Port) -> str:
        return f"{self.net}.{port.number // 256}.{port.number % 256}"

    # Faults: only a hub can make them.

    def control(self, command: str) -> list[str]:
        raise UsageError(f"'{command.split()[0]}' needs a LAN made with network='hub'; "
                         "a bridge has no faults")


class BridgeLan(Lan):
    """Taps on a Linux bridge: fast, and without faults."""

    @staticmethod
    def tap(port: Port) -> str:
        return f"t{port.number}.{port.nic}"

    def start(self) -> None:
        self.space.run("ip", "link", "add", self.name, "type", "bridge", "mcast_snooping", "0")
        for port in self.ports:
            tap = self.tap(port)
            self.space.run("ip", "tuntap", "add", "dev", tap, "mode", "tap")
            self.space.run("ip", "link", "set", tap, "master", self.name, "up")
        self._configure_host()

    def netdev(self, port: Port, ident: str) -> str:
        return f"tap,id={ident},ifname={self.tap(port)},script=no,downscript=no,vhost=off"


class HubLan(Lan):
    """A hub of ours on QEMU's datagram sockets."""

    seed: int | None = None
    _hub: subprocess.Popen[bytes] | None = None

    def _socket(self, port: Port, end: str) -> str:
        return f"{port.node}/net{port.nic}.{end}"

    def start(self) -> None:
        log = self.folder / f"{self.name}.hub.log"
        argv = [str(artifacts.hub()), "--control", f"{self.name}.hub"]
        if self.seed is not None:
            argv += ["--seed", str(self.seed)]
        argv += ["--tap", f"host:{self.name}"]
        for port in self.ports:
            argv += ["--port", f"{port.name}:{self._socket(port, 'hub')}:"
                               f"{self._socket(port, 'qemu')}"]
        self._hub = process.start(argv, self.folder, log, stdout=subprocess.PIPE,
                                  prefix=self.space.enter)
        assert self._hub.stdout
        ready = re.fullmatch(rb"ready seed=(0x[0-9a-f]+)\n", self._hub.stdout.readline())
        if not ready:
            raise ClusterError(f"the hub did not start: {log.read_text().strip()}")
        self.seed = int(ready[1], 16)
        self._configure_host()

    def netdev(self, port: Port, ident: str) -> str:
        return (f"dgram,id={ident},local.type=unix,local.path={self._socket(port, 'qemu')},"
                f"remote.type=unix,remote.path={self._socket(port, 'hub')}")

    def control(self, command: str) -> list[str]:
        """Sends a command to the hub and returns its data lines (ci/hub/control.h)."""
        try:
            with sockets.connect(self.folder / f"{self.name}.hub") as sock:
                sock.settimeout(10)
                sock.sendall(command.encode() + b"\n")
                return self._answer(sock, command)
        except OSError as error:
            raise ClusterError(f"the hub of '{self.name}' does not answer: {error}") from error

    @staticmethod
    def _answer(sock: "sockets.socket.socket", command: str) -> list[str]:
        data = []
        with sock.makefile("r") as stream:
            for line in stream:
                verb, _, rest = line.rstrip("\n").partition(" ")
                if verb == "ok":
                    return data
                if verb == "error":
                    raise UsageError(f"hub: {rest} (in '{command}')")
                data.append(rest)
        raise ClusterError(f"the hub broke off its answer to '{command}'")

    def close(self) -> None:
        super().close()
        process.kill(self._hub)


KINDS: dict[str, type[Lan]] = {"hub": HubLan, "bridge": BridgeLan}
