# SPDX-License-Identifier: GPL-2.0-only
"""Talking to the process that owns a running cluster (server.py)."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from . import sockets
from .agent import Agent
from .cluster import claim, clear, release
from .errors import ClusterError, UsageError, WaitTimeout
from .server import CONTROL
from .timing import retry

DOWN_SECONDS = 10  # a healthy owner answers at once
PID_FILE = "driver.pid"


class Client:
    """Requests to the cluster in `folder`. Raises ClusterError if it is not up."""

    def __init__(self, folder: Path):
        self.folder = folder

    def _connect(self) -> sockets.socket.socket:
        try:
            return sockets.connect(self.folder / CONTROL)
        except OSError:
            raise ClusterError(f"cluster '{self.folder.name}' is not up; start it with "
                               "'ci/cluster up'") from None

    def _request(self, sock: sockets.socket.socket, verb: str, values: dict[str, Any]) -> Any:
        sock.sendall(json.dumps({"do": verb, **values}).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            try:
                data = sock.recv(1 if verb == "agent" else 65536)
            except TimeoutError:
                raise WaitTimeout(f"cluster '{self.folder.name}' does not answer") from None
            if not data:
                raise ClusterError(f"cluster '{self.folder.name}' went away")
            line += data
        answer = json.loads(line)
        if "error" in answer:
            raise (UsageError if answer.get("usage") else ClusterError)(answer["error"])
        return answer["result"]

    def call(self, verb: str, limit: float | None = None, **values: Any) -> Any:
        """One request; see Server.do_*. `limit`: seconds to wait for the answer."""
        with self._connect() as sock:
            sock.settimeout(limit)
            return self._request(sock, verb, values)

    def agent(self, node: str) -> Agent:
        """A connection to a node's agent, shared with all others who use it."""
        sock = self._connect()
        try:
            self._request(sock, "agent", {"node": node})
            return Agent(sock, node)
        except ClusterError:
            sock.close()
            raise


def is_up(folder: Path) -> bool:
    """True while a process owns the cluster."""
    lock = claim(folder)
    if lock is None:
        return True
    release(folder, lock)
    return False


def _kill_driver(folder: Path) -> None:
    """Ends an owner that does not answer; the kernel then ends its children."""
    try:
        os.kill(int((folder / PID_FILE).read_text()), signal.SIGKILL)
    except (OSError, ValueError):
        pass


def take_down(folder: Path) -> bool:
    """Ends a cluster in whatever state it is, and removes all that is left of it.
    Returns whether there was anything to end."""
    there = folder.exists()
    try:
        Client(folder).call("down", DOWN_SECONDS)
        retry(lambda: not is_up(folder), 30, "end of the cluster")
        there = True
    except WaitTimeout:
        _kill_driver(folder)
    except ClusterError:
        if is_up(folder):
            _kill_driver(folder)
    lock = retry(lambda: claim(folder), 30, "end of the cluster's owner")
    try:
        return bool(clear(folder)) or there
    finally:
        release(folder, lock)
