# SPDX-License-Identifier: GPL-2.0-only
"""N nodes, the LANs between them, and the folder all their state is in."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence

from . import artifacts, process
from .errors import ClusterError, UsageError
from .machine import Node, NodeSpec, State
from .network import KINDS, Fault, HubLan, Lan, Namespace, Port

NodeLike = Node | str | int

_numbers = itertools.count(1)


class Cluster:
    """Nodes on virtual LANs.

    nodes     how many, or a NodeSpec or a dict of its fields for each
    network   'hub' (faults on demand) or 'bridge' (speed)
    seed      decides the hub's faults; None draws one (see `seed` afterwards)
    dhcp      a DHCP server on every LAN from the start
    pxe_from_node  nodes that boot from the network are served by another node,
              so that the DHCP server, if any, says nothing of booting; they are
              started by the test
    folder    where sockets and logs go; emptied first; one of its own by default
    defaults  fields of NodeSpec for all nodes; also flavour='debian+uefi' and the like

    Nothing runs before start(). Used as a context manager it starts, waits until
    all nodes take commands, and closes.
    """

    # Called with every cluster that is about to end, while its logs are still there.
    before_close: list[Callable[["Cluster"], None]] = []
    # Those that have not ended.
    open_clusters: list["Cluster"] = []

    def __init__(self, nodes: int | Iterable[NodeSpec | dict[str, Any]] = 3,
                 network: str = "hub", seed: int | None = None, dhcp: bool = False,
                 folder: Path | None = None, pxe_root: Path | None = None,
                 pxe_file: str = "", pxe_from_node: bool = False, **defaults: Any):
        if network not in KINDS:
            raise UsageError(f"'{network}' is no network: say {' or '.join(KINDS)}")
        self.folder = (folder or artifacts.CLUSTERS / f"run-{os.getpid()}-{next(_numbers)}").absolute()
        self.network = network
        self.dhcp = dhcp
        self._seed = seed
        self._pxe = (pxe_root, pxe_file)
        self.pxe_from_node = pxe_from_node
        specs = [self._spec(i, item, defaults) for i, item in enumerate(self._list(nodes), 1)]
        if not specs or len({spec.name for spec in specs}) != len(specs):
            raise UsageError("a cluster needs nodes, each with a name of its own")
        for spec in specs:
            spec.check()
        self._lock: int | None = None
        self._claim()
        self._space: Namespace | None = None
        self.lans: dict[str, Lan] = {}
        self.nodes = [Node(spec, self.folder, self.lans) for spec in specs]
        Cluster.open_clusters.append(self)

    @staticmethod
    def _list(nodes: int | Iterable[NodeSpec | dict[str, Any]]) -> list[NodeSpec | dict[str, Any]]:
        return [{} for _ in range(nodes)] if isinstance(nodes, int) else list(nodes)

    @staticmethod
    def _spec(number: int, item: NodeSpec | dict[str, Any], defaults: dict[str, Any]) -> NodeSpec:
        if isinstance(item, NodeSpec):
            spec = item
        else:
            fields = {**defaults, **item}
            flavour = fields.pop("flavour", "")
            spec = NodeSpec(**fields)
            if flavour:
                spec.set_flavour(flavour)
        spec.number = spec.number or number
        spec.name = spec.name or f"node{spec.number}"
        return spec

    def _claim(self) -> None:
        """Takes the folder for this process; clears what an earlier run left in it."""
        self._lock = claim(self.folder)
        if self._lock is None:
            raise ClusterError(f"cluster '{self.folder.name}' is already up "
                               "('ci/cluster status'); 'ci/cluster down' ends it")
        clear(self.folder)
        self.folder.mkdir(parents=True)

    # -- life ----------------------------------------------------------

    def start(self) -> None:
        """Starts LANs and nodes; does not wait for the nodes to boot."""
        self.check_artifacts()
        self._space = Namespace(self.folder)
        ports: dict[str, list[Port]] = {}
        for node in self.nodes:
            for lan, port in node.spec.ports():
                ports.setdefault(lan, []).append(port)
        for index, (name, members) in enumerate(sorted(ports.items())):
            lan = KINDS[self.network](name, index, self.folder, self._space, members)
            self.lans[name] = lan
            if isinstance(lan, HubLan) and self._seed is not None:
                lan.seed = self._seed + index
            lan.start()
        if self.dhcp:
            self.start_dhcp()
        for node in self.nodes:
            if not (node.spec.later or self.pxe_from_node and node.spec.boot == "pxe"):
                node.start()

    def check_artifacts(self) -> None:
        """Raises ClusterError for what is not built or installed, before any work."""
        artifacts.qemu()
        if self.network == "hub":
            artifacts.hub()
        if self.dhcp:
            artifacts.tool("dnsmasq", "dnsmasq-base")
        for node in self.nodes:
            spec = node.spec
            if spec.boot == "kernel" or spec.boot == "pxe" and not self.pxe_from_node:
                artifacts.kernel(spec.kernel)
                if not spec.initramfs:
                    artifacts.initramfs()
                if spec.root == "debian":
                    artifacts.debian_root()
            if spec.firmware == "uefi":
                artifacts.uefi()
            if spec.boot == "pxe" and not self.dhcp and not self.pxe_from_node:
                raise UsageError(f"{node.name} boots from the network, which needs dhcp=True")

    def wait_ready(self, timeout: float = 120) -> None:
        """Waits until every running node takes commands."""
        for node in self.nodes:
            if node.state == State.RUNNING:
                node.wait_ready(timeout)

    def close(self, keep: bool = False) -> None:
        """Ends everything and removes the folder (keep: leaves the logs)."""
        if self in Cluster.open_clusters:
            Cluster.open_clusters.remove(self)
            for watcher in Cluster.before_close:
                watcher(self)
        for node in self.nodes:
            node.close()
        for lan in self.lans.values():
            lan.close()
        if self._space:
            self._space.close()
            self._space = None
        if self._lock is None:
            return
        process.kill_leftovers(self.folder)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        release(self.folder, self._lock)
        self._lock = None

    def __enter__(self) -> "Cluster":
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- nodes ---------------------------------------------------------

    def node(self, which: NodeLike) -> Node:
        """A node by itself, its name or its number. Raises UsageError."""
        if isinstance(which, Node):
            return which
        for node in self.nodes:
            if str(which) in (node.name, str(node.spec.number)):
                return node
        names = ", ".join(node.name for node in self.nodes)
        raise UsageError(f"there is no node '{which}'; there are {names}")

    # -- network -------------------------------------------------------

    @property
    def seed(self) -> int | None:
        """The seed of lan0's faults; Cluster(seed=...) with it meets the same ones."""
        lan = self.lans.get("lan0")
        return lan.seed if isinstance(lan, HubLan) else None

    def _lan(self, name: str) -> Lan:
        if name not in self.lans:
            raise UsageError(f"there is no LAN '{name}'")
        return self.lans[name]

    def _ports(self, lan: Lan, which: NodeLike | None) -> list[str]:
        if which is None:
            return ["*"]
        node = self.node(which)
        names = [port.name for port in lan.ports if port.node == node.name]
        if not names:
            raise UsageError(f"{node.name} has no NIC on '{lan.name}'")
        return names

    def fault(self, sender: NodeLike | None = None, receiver: NodeLike | None = None,
              lan: str = "lan0", **values: Any) -> None:
        """Sets faults for frames from sender to receiver (None: everyone): loss, dup, reorder
        (0..1), delay, jitter (ms), cut. What is not named stays as it is."""
        medium, words = self._lan(lan), " ".join(Fault(**values).words())
        for one in self._ports(medium, sender):
            for other in self._ports(medium, receiver):
                medium.control(f"set {one} {other} {words}")

    def cut(self, one: NodeLike, other: NodeLike, one_way: bool = False, lan: str = "lan0") -> None:
        """Nothing passes from `one` to `other` any more, nor (unless one_way) back."""
        self.fault(one, other, lan, cut=True)
        if not one_way:
            self.fault(other, one, lan, cut=True)

    def partition(self, *groups: Sequence[NodeLike], one_way: bool = False,
                  lan: str = "lan0") -> None:
        """Cuts the LAN into groups that do not hear each other; nodes in no group hear all.
        one_way: the first group is not heard by the others, but hears them."""
        medium = self._lan(lan)
        if one_way:
            medium.control("heal")
            for one in groups[0]:
                for other in (node for group in groups[1:] for node in group):
                    self.cut(one, other, one_way=True, lan=lan)
            return
        words = "|".join(",".join(name for node in group for name in self._ports(medium, node))
                         for group in groups)
        medium.control(f"partition {words}")

    def heal(self, lan: str = "lan0") -> None:
        """Mends all cuts and partitions; loss and delay stay."""
        self._lan(lan).control("heal")

    def clear_faults(self, lan: str = "lan0") -> None:
        """Takes all faults away."""
        self._lan(lan).control("clear")

    def faults(self, lan: str = "lan0") -> list[dict[str, str]]:
        """The pairs that have a fault."""
        return [pair for pair in map(_pairs, self._lan(lan).control("show")) if "from" in pair]

    def stats(self, lan: str = "lan0") -> dict[str, dict[str, int]]:
        """Counters of each port of the hub, by its name ('node1.0')."""
        rows = map(_pairs, self._lan(lan).control("stats"))
        return {row.pop("port"): {key: int(value) for key, value in row.items()} for row in rows}

    def record(self, path: Path | str | None, limit_mib: int = 1024, lan: str = "lan0") -> None:
        """Writes the frames of the whole LAN to a pcap file; None stops."""
        target = "off" if path is None else Path(path).absolute()
        if " " in str(target):
            raise UsageError(f"'{target}': a recording's path cannot have blanks")
        self._lan(lan).control(f"pcap {target}" + ("" if path is None else f" {limit_mib}"))

    def start_dhcp(self, *lans: str) -> None:
        """Starts a DHCP server on the named LANs, or all. It serves network boot too:
        of what the cluster was told as pxe_root, or of the node image by an iPXE script."""
        for lan in [self._lan(name) for name in lans] or self.lans.values():
            root, bootfile = self._pxe
            if not root and not self.pxe_from_node and any(node.spec.boot == "pxe" for node in self.nodes):
                root, bootfile = self._ipxe_root(), "boot.ipxe"
            lan.start_dhcp(root, bootfile)

    def stop_dhcp(self, *lans: str) -> None:
        for lan in [self._lan(name) for name in lans] or self.lans.values():
            lan.stop_dhcp()

    def _ipxe_root(self) -> Path:
        """A TFTP folder with kernel, initramfs and a script for the boot ROM of QEMU's NICs."""
        spec = next(node.spec for node in self.nodes if node.spec.boot == "pxe")
        root = self.folder / "tftp"
        root.mkdir(exist_ok=True)
        shutil.copyfile(artifacts.kernel(spec.kernel), root / "kernel")
        shutil.copyfile(spec.initramfs or artifacts.initramfs(), root / "initramfs")
        words = [word for word in spec.kernel_cmdline().split()
                 if not word.startswith(("tessera.node=", "tessera.hostname="))]
        (root / "boot.ipxe").write_text(
            f"#!ipxe\nkernel kernel initrd=initramfs {' '.join(words)}\ninitrd initramfs\nboot\n")
        return root

    # -- watching ------------------------------------------------------

    def marks(self) -> dict[str, int]:
        """Where each console log ends now, for complaints(since)."""
        return {node.name: node.console.position() for node in self.nodes}

    def complaints(self, since: dict[str, int] | None = None) -> list[str]:
        """Kernel reports since `since`, and resets and ends that nobody ordered."""
        since = since or {}
        found = []
        for node in self.nodes:
            found += [f"{node.name}: kernel report ({report.kind}), console line {report.line} "
                      f"of this part:\n{report.text}"
                      for report in node.reports(since.get(node.name, 0))]
            found += node.take_surprises()
        return found

    def collect(self, target: Path) -> list[Path]:
        """Copies logs and recordings, and a screen shot of each node that runs, to a
        folder; returns the files."""
        target.mkdir(parents=True, exist_ok=True)
        kept = []
        for path in sorted([*self.folder.glob("*.log"), *self.folder.glob("*.pcap"),
                            *self.folder.glob("*/*.log")]):
            if path.stat().st_size:
                name = "-".join(path.relative_to(self.folder).parts)
                kept.append(Path(shutil.copyfile(path, target / name)))
        for node in self.nodes:
            if node.state == State.RUNNING:
                shot = target / f"{node.name}.png"
                try:
                    node.screenshot(shot)
                    kept.append(shot)
                except (ClusterError, OSError):
                    pass  # a node that cannot even be looked at; its logs say more
        return kept


def claim(folder: Path) -> int | None:
    """Locks a cluster's folder: a descriptor to pass to release(), None if it is in use."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = Path(f"{folder}.lock")
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_ino == path.stat().st_ino:
                return lock
        except BlockingIOError:
            os.close(lock)
            return None
        except FileNotFoundError:
            pass
        os.close(lock)  # its last owner removed it meanwhile


def release(folder: Path, lock: int) -> None:
    """Gives the folder back."""
    Path(f"{folder}.lock").unlink(missing_ok=True)
    os.close(lock)


def _pairs(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split())


def clear_dead_runs() -> None:
    """Clears up after test runs that were killed: folders run-PID-N without their process."""
    for path in artifacts.CLUSTERS.glob("run-*-*"):
        folder = path.with_suffix("") if path.suffix == ".lock" else path
        lock = claim(folder)
        if lock is not None:
            clear(folder)
            release(folder, lock)


def clear(folder: Path) -> list[int]:
    """Ends what a cluster that is no longer driven left behind, and removes its folder.
    Returns the process ids that had to be killed."""
    killed = process.kill_leftovers(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return killed
