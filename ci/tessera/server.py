# SPDX-License-Identifier: GPL-2.0-only
"""The process that owns a cluster which was left running, and answers for it.

It listens on control.sock in the cluster's folder. A client sends one request as
a line of JSON, {"do": NAME, ...}, and gets one line back: {"result": ...} or
{"error": TEXT, "usage": BOOL}. After {"do": "agent", "node": NAME} the
connection carries the agent's protocol, so that any number of clients share a
node's one channel.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from . import sockets
from .agent import (NONCE_SIZE, OPENING, SYNC, VERSION, Agent, Type, encode, read_frame)
from .cluster import Cluster
from .errors import ClusterError, UsageError
from .machine import Node

CONTROL = "control.sock"
_STATUS = ("cat /proc/hpc/admin/mospe 2>/dev/null || echo; cut -d' ' -f1 /proc/uptime;"
           " ip -o -4 address show scope global; ip -o -4 address show scope link")


class _Relayed:
    """One session of a client; its frames go to the client under the client's number."""

    def __init__(self, number: int, out: "queue.SimpleQueue[bytes | None]"):
        self._number = number
        self._out = out

    def deliver(self, kind: int, payload: bytes) -> None:
        self._out.put(encode(kind, self._number, payload))

    def lost(self) -> None:
        self._out.put(None)


class Relay:
    """Joins a client's connection to a node's agent. Windows bound what waits in `_out`."""

    def __init__(self, conn: socket.socket, stream: BinaryIO, agent: Agent):
        self._conn, self._stream, self._agent = conn, stream, agent
        self._out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._numbers: dict[int, int] = {}  # the client's session -> the agent's

    def run(self) -> None:
        """Serves the client until it, or the node, goes away."""
        writer = threading.Thread(target=self._write, daemon=True)
        writer.start()
        try:
            if self._stream.read(len(SYNC)) == SYNC:
                while frame := read_frame(self._stream):
                    self._take(*frame)
        except (OSError, ClusterError):
            pass
        finally:
            for number in self._numbers.values():
                self._give_up(number)
            self._out.put(None)
            writer.join()

    def _give_up(self, number: int) -> None:
        if self._agent.forget(number):
            try:
                self._agent.send(Type.CLOSE, number)
            except ClusterError:
                pass  # the node is gone, and the session with it

    def _take(self, kind: int, session: int, payload: bytes) -> None:
        if kind == Type.HELLO:
            self._out.put(encode(Type.HELLO, 0, VERSION.to_bytes(4, "little")
                                 + payload[4:4 + NONCE_SIZE]))
        elif kind in OPENING:
            number = self._agent.register(_Relayed(session, self._out))
            self._numbers[session] = number
            self._agent.send(kind, number, payload)
        elif session in self._numbers:
            if kind == Type.CLOSE:
                self._give_up(self._numbers.pop(session))
            else:
                self._agent.send(kind, self._numbers[session], payload)

    def _write(self) -> None:
        try:
            while (frame := self._out.get()) is not None:
                self._conn.sendall(frame)
        except OSError:
            pass
        sockets.shut(self._conn)


def describe(node: Node) -> dict[str, Any]:
    """What `status` tells of a node."""
    spec = node.spec
    told: dict[str, Any] = {
        "name": node.name, "state": node.state.value, "ready": node.ready, "root": spec.root,
        "boot": spec.boot, "firmware": spec.firmware, "memory_mib": spec.mem, "cpus": spec.cpus,
        "pid": node.pid, "resets": node.resets, "number": None, "uptime_s": None,
        "addresses": [], "reports": [report.headline for report in node.reports()],
        "console": str(node.console.path)}
    if node.ready:
        try:
            lines = node.execute(_STATUS, timeout=10).stdout.splitlines()
            told["number"] = int(lines[0]) if lines[0].isdigit() else None
            told["uptime_s"] = float(lines[1])
            told["addresses"] = [line.split()[3] for line in lines[2:]]
        except (ClusterError, ValueError, IndexError):
            told["ready"] = False
    return told


class Server:
    """Serves one started cluster until stop() or a 'down' request."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._stop = threading.Event()
        self._started = time.time()
        self._socket = sockets.listen(cluster.folder / CONTROL)
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def wait(self) -> None:
        """Returns when the cluster is to end."""
        while not self._stop.wait(3600):
            pass
        sockets.shut(self._socket)

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        with conn, conn.makefile("rb") as stream:
            try:
                request = json.loads(stream.readline(1 << 20))
                verb = request.pop("do")
                if verb == "agent":
                    agent = self.cluster.node(request["node"]).agent()
                    self._reply(conn, {"result": True})
                    Relay(conn, stream, agent).run()
                    return
                handler = getattr(self, f"do_{verb}", None)
                if not handler:
                    raise UsageError(f"unknown request '{verb}'")
                self._reply(conn, {"result": handler(**request)})
            except ClusterError as error:
                self._reply(conn, {"error": str(error), "usage": isinstance(error, UsageError)})
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self._reply(conn, {"error": f"malformed request: {error}", "usage": True})

    @staticmethod
    def _reply(conn: socket.socket, answer: dict[str, Any]) -> None:
        try:
            conn.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass  # the client did not wait for it

    # -- requests ------------------------------------------------------

    def do_status(self) -> dict[str, Any]:
        with ThreadPoolExecutor(max(len(self.cluster.nodes), 1)) as pool:
            nodes = list(pool.map(describe, self.cluster.nodes))
        seed = self.cluster.seed
        return {"name": self.cluster.folder.name, "folder": str(self.cluster.folder),
                "network": self.cluster.network, "seed": None if seed is None else f"{seed:#018x}",
                "up_s": round(time.time() - self._started, 1), "nodes": nodes}

    def do_down(self) -> None:
        self.stop()

    def do_kill(self, node: str) -> None:
        self.cluster.node(node).kill()

    def do_start(self, node: str, timeout: float) -> None:
        machine = self.cluster.node(node)
        machine.start()
        machine.wait_ready(timeout)

    def do_reboot(self, node: str, hard: bool, timeout: float) -> None:
        self.cluster.node(node).reboot(hard, timeout)

    def do_shutdown(self, node: str, timeout: float) -> None:
        self.cluster.node(node).shutdown(timeout)

    def do_screenshot(self, node: str, path: str) -> None:
        self.cluster.node(node).screenshot(Path(path))

    def do_link(self, node: str, up: bool, nic: int) -> None:
        machine = self.cluster.node(node)
        if not 0 <= nic < len(machine.spec.nics):
            raise UsageError(f"{machine.name} has no NIC {nic}")
        (machine.link_up if up else machine.link_down)(nic)

    def do_fault(self, values: dict[str, Any], sender: str | None, receiver: str | None,
                 lan: str) -> None:
        self.cluster.fault(sender, receiver, lan, **values)

    def do_cut(self, one: str, other: str, one_way: bool, lan: str) -> None:
        self.cluster.cut(one, other, one_way, lan)

    def do_partition(self, groups: list[list[str]], one_way: bool, lan: str) -> None:
        self.cluster.partition(*groups, one_way=one_way, lan=lan)

    def do_heal(self, lan: str) -> None:
        self.cluster.heal(lan)

    def do_clear(self, lan: str) -> None:
        self.cluster.clear_faults(lan)

    def do_faults(self, lan: str) -> list[dict[str, str]]:
        return self.cluster.faults(lan)

    def do_stats(self, lan: str) -> dict[str, dict[str, int]]:
        return self.cluster.stats(lan)

    def do_record(self, path: str | None, lan: str) -> None:
        self.cluster.record(path, lan=lan)

    def do_dhcp(self, run: bool) -> None:
        if run:
            self.cluster.start_dhcp()
        else:
            self.cluster.stop_dhcp()
