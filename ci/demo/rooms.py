# SPDX-License-Identifier: GPL-2.0-only
"""What is switched on. A room has a first node, where the work is started, some that help, and
one more that is switched on while the others work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Callable

from tessera.artifacts import BUILD, existing
from tessera.cluster import Cluster
from tessera.machine import Node
from tessera.menu import choose
from tessera.server import Server
from tessera.timing import retry

from .work import Size, Work

NAME = "demo"  # of the cluster; 'ci/cluster --cluster demo' works while it is up
SPEED = 10000  # said to be that of every node: measured among PCs that share processors, equal ones seem unequal
ROOT = "/debian"

Say = Callable[[str], None]


class Room(ABC):
    """Nodes that are to find each other; `count` is how many are on from the start."""

    size: Size

    def __init__(self, folder: Path, count: int, say: Say, pictures: Path):
        self.say, self.pictures = say, pictures
        self.cluster = self.make(folder, count)
        self.home, *self.helpers = self.cluster.nodes
        self.late = self.helpers.pop()
        self.server: Server | None = None
        self.numbers: dict[str, int] = {}

    @abstractmethod
    def make(self, folder: Path, count: int) -> Cluster:
        """The cluster, not yet on."""

    @abstractmethod
    def switch_on(self) -> None:
        """Switches on all but the late one, and waits until they take commands."""

    @abstractmethod
    def work(self) -> Work:
        """The work, made ready on the first node."""

    @property
    def on(self) -> list[Node]:
        return [node for node in self.cluster.nodes if node.pid]

    def begin(self) -> None:
        self.cluster.start()
        self.server = Server(self.cluster)
        self.switch_on()
        for node in self.on:
            self.join(node)

    def join(self, node: Node) -> None:
        """Waits until the first node knows it as one that takes guests."""
        node.wait_until_succeeds("test -S /run/tessera/hpcd.sock && grep -vqx 0 /proc/hpc/admin/mospe", timeout=120)
        number = int(node.succeed("cat /proc/hpc/admin/mospe"))
        self.numbers[node.name] = number
        node.succeed(f"mosctl setspeed {SPEED}")
        retry(lambda: self.home.succeed(f"mosctl getspeed {number} 2>/dev/null || :").strip() == str(SPEED), 120,
              f"{node} is known to {self.home}", interval=0.5)

    def number(self, node: Node) -> int:
        return self.numbers[node.name]

    def name(self, node: Node) -> str:
        """By its number, which the cluster's own tools know it by, once it has one."""
        return f"node {self.numbers[node.name]}" if node.name in self.numbers else f"another PC ({node})"

    def close(self) -> None:
        self.cluster.close()


class Quick(Room):
    """Nodes that QEMU boots; the first has Debian's programs on a disk."""

    size = Size(tiles=4, width=160, rows=30, files=4, file_kib=1500)

    def make(self, folder: Path, count: int) -> Cluster:
        # Of a parameter given twice the last counts: Debian is there, but not what is booted.
        first = {"root": "debian", "memory": 768, "cmdline": f"tessera.cluster={NAME} tessera.root=ram"}
        return Cluster([first, *({} for _ in range(count - 1)), {"later": True}], network="bridge", dhcp=True,
                       folder=folder, cmdline=f"tessera.cluster={NAME}")

    def switch_on(self) -> None:
        for node in self.on:
            node.wait_ready(180)
            self.say(f"{node} is up")

    def work(self) -> Work:
        self.home.succeed(f"mkdir {ROOT} && mount -t squashfs -o ro /dev/vda {ROOT}",
                          *(f"mount --bind /{name} {ROOT}/{name}" for name in ("proc", "dev", "tmp")))
        return Work(self.home, self.size, f"chroot {ROOT}", ROOT)


class Whole(Room):
    """As in a room of PCs: the first is booted from the CD, and boots the others over the network."""

    # A round has to last until one more PC has gone through firmware and network boot.
    size = Size(tiles=6, width=256, rows=32, files=6, file_kib=2500)

    def make(self, folder: Path, count: int) -> Cluster:
        iso = existing(BUILD / "iso" / "tessera.iso", "ISO image", "make iso")
        return Cluster([{"boot": "iso", "iso": iso, "memory": 1280}, *({"boot": "pxe"} for _ in range(count))],
                       network="bridge", folder=folder, memory=512, pxe_from_node=True)

    def switch_on(self) -> None:
        self.say("the first PC is switched on, with the CD; its boot menu comes")
        choose(self.home, "live-serve", lambda: self.home.screenshot(self.pictures / "0-menu.png"))
        self.say('"Live, and the rest of the room boots from this machine" is chosen')
        self.home.wait_ready(300)
        self.home.wait_until_succeeds("tessera-serve --status", timeout=120)
        self.say("Debian is up, and tessera-serve answers; the others are switched on")
        others = self.helpers
        for node in others:
            node.start()
        for node in others:
            node.wait_ready(400)
            self.say(f"{node} has booted from the network")

    def work(self) -> Work:
        return Work(self.home, self.size, "env", "")
