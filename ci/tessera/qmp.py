# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's control channel: commands with answers, and events as they happen."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any, Callable

from .errors import AgentLost, ClusterError, WaitTimeout
from .sockets import shut
from .timing import Deadline

Event = dict[str, Any]


class Qmp:
    """One connection. `on_event` runs in the reading thread and must not block."""

    def __init__(self, sock: socket.socket, on_event: Callable[[Event], None],
                 on_end: Callable[[], None] = lambda: None):
        self._sock = sock
        self._on_event = on_event
        self._on_end = on_end
        self._changed = threading.Condition()
        self._replies: dict[int, Event] = {}
        self._next_id = 1
        self._greeted = False
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="qmp", daemon=True)
        self._reader.start()
        with self._changed:
            if not self._wait(lambda: self._greeted or self._ended, 60) or self._ended:
                raise ClusterError("QEMU did not greet on its control channel")
        self.execute("qmp_capabilities")

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        return self._changed.wait_for(condition, Deadline(seconds).remaining())

    def _read(self) -> None:
        try:
            with self._sock.makefile("rb") as stream:
                for line in stream:
                    self._take(json.loads(line))
        except (OSError, ValueError):
            pass
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._on_end()

    def _take(self, message: Event) -> None:
        if "event" in message:
            self._on_event(message)
            return
        with self._changed:
            if "QMP" in message:
                self._greeted = True
            else:
                self._replies[message.get("id", 0)] = message
            self._changed.notify_all()

    def execute(self, command: str, timeout: float = 30, **arguments: Any) -> Any:
        """Runs a command and returns its result. Raises ClusterError with QEMU's words,
        AgentLost when QEMU ends meanwhile."""
        with self._changed:
            number, self._next_id = self._next_id, self._next_id + 1
            request = {"execute": command, "arguments": arguments, "id": number}
            try:
                self._sock.sendall(json.dumps(request).encode() + b"\n")
            except OSError as error:
                raise AgentLost(f"QEMU is gone ({command})") from error
            if not self._wait(lambda: number in self._replies or self._ended, timeout):
                raise WaitTimeout(f"QEMU did not answer '{command}'")
            reply = self._replies.pop(number, None)
        if reply is None:
            raise AgentLost(f"QEMU ended while asked for '{command}'")
        if "error" in reply:
            raise ClusterError(f"QEMU refused '{command}': {reply['error'].get('desc')}")
        return reply["return"]

    def close(self) -> None:
        """Nothing is reported afterwards: what ends now must not be taken for its successor."""
        shut(self._sock)
        if self._reader is not threading.current_thread():
            self._reader.join(10)
