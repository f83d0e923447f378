# SPDX-License-Identifier: GPL-2.0-only
"""The host's side of the agent's protocol; userland/agent/proto.h describes it.

An Agent is one connection to a node and carries many sessions at once. A thread
reads frames and hands each to its session; callers wait on the session.
"""

from __future__ import annotations

import enum
import os
import queue
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Iterator, Protocol, Sequence

from .errors import AgentLost, ClusterError, CommandFailed, WaitTimeout
from .sockets import shut
from .timing import Deadline

MAGIC = 0x47415354
VERSION = 1
HEADER = struct.Struct("<IHHII")
PAYLOAD_MAX = 65536
WINDOW = 262144
SYNC = bytes(HEADER.size + PAYLOAD_MAX)
NONCE_SIZE = 16
STRINGS_MAX = 512
CHUNK = 32768


class Type(enum.IntEnum):
    HELLO = 1
    RUN = 2
    PUT = 3
    GET = 4
    DATA = 5
    EOF = 6
    SIGNAL = 7
    WINSIZE = 8
    CLOSE = 9
    WINDOW_ADD = 10
    STARTED = 11
    STDOUT = 12
    STDERR = 13
    EXIT = 14


class Exit(enum.IntEnum):
    EXITED = 0
    KILLED = 1
    TIMED_OUT = 2
    FAILED = 3


OPENING = (Type.RUN, Type.PUT, Type.GET)


def encode(kind: int, session: int, payload: bytes = b"") -> bytes:
    """One frame. Raises ClusterError if the payload does not fit."""
    if len(payload) > PAYLOAD_MAX:
        raise ClusterError(f"a command of {len(payload)} bytes is too long for the agent "
                           f"(at most {PAYLOAD_MAX}); copy a script and run that")
    return HEADER.pack(MAGIC, kind, 0, session, len(payload)) + payload


def run_payload(argv: Sequence[str], timeout_ms: int = 0, env: Sequence[str] = (), cwd: str = "",
                pty: tuple[int, int] | None = None) -> bytes:
    """Payload of RUN. `env` has NAME=VALUE strings, `pty` (rows, columns)."""
    if not argv or len(argv) > STRINGS_MAX or len(env) > STRINGS_MAX:
        raise ClusterError("no command, or more words than the agent takes")
    strings = [os.fsencode(text) for text in (*argv, *env, cwd)]
    if any(b"\0" in text for text in strings):
        raise ClusterError("a command cannot contain a NUL byte")
    rows, columns = pty or (0, 0)
    head = struct.pack("<IHHHHHH", timeout_ms, 1 if pty else 0, rows, columns,
                       len(argv), len(env), 0)
    return head + b"".join(text + b"\0" for text in strings)


def read_frame(stream: BinaryIO) -> tuple[int, int, bytes] | None:
    """(type, session, payload) from a stream in step; None at its end."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    magic, kind, zero, session, length = HEADER.unpack(header)
    if magic != MAGIC or zero or length > PAYLOAD_MAX:
        raise ClusterError("the agent's channel is out of step")
    payload = stream.read(length)
    return (kind, session, payload) if len(payload) == length else None


def find_hello(stream: BinaryIO, nonce: bytes) -> int:
    """Skips to the HELLO that answers `nonce`; returns the agent's version."""
    start = HEADER.pack(MAGIC, Type.HELLO, 0, 0, 4 + NONCE_SIZE)
    window = b""
    while True:
        byte = stream.read(1)
        if not byte:
            raise AgentLost("the agent's channel closed before its greeting")
        window = (window + byte)[-len(start) - 4 - NONCE_SIZE:]
        if window.startswith(start) and window.endswith(nonce):
            return int.from_bytes(window[len(start):len(start) + 4], "little")


def host_hello(nonce: bytes) -> bytes:
    """What a host sends first: padding that ends any cut frame, then HELLO."""
    return SYNC + encode(Type.HELLO, 0, VERSION.to_bytes(4, "little") + nonce)


@dataclass(frozen=True)
class Result:
    """How a command ended: status as the shell tells it (128 + signal if killed)."""
    status: int
    stdout_bytes: bytes = b""
    stderr_bytes: bytes = b""

    @property
    def stdout(self) -> str:
        return self.stdout_bytes.decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self.stderr_bytes.decode(errors="replace")


class Receiver(Protocol):
    """Whatever wants the frames of one session; called in the reading thread."""

    def deliver(self, kind: int, payload: bytes) -> None: ...

    def lost(self) -> None: ...


class Session:
    """One command or copy. Frames from the node wait here until next() takes them."""

    def __init__(self, agent: "Agent", kind: Type, payload: bytes):
        self._agent = agent
        self._events: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._credit = WINDOW
        self._over = False
        self.id = agent.register(self)
        agent.send(kind, self.id, payload)

    def deliver(self, kind: int, payload: bytes) -> None:
        with self._changed:
            if kind == Type.WINDOW_ADD:
                self._credit += int.from_bytes(payload, "little")
            self._over |= kind == Type.EXIT
            self._changed.notify_all()
        if kind != Type.WINDOW_ADD:
            self._events.put((kind, payload))

    def lost(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._events.put(None)

    def next(self, deadline: Deadline | None = None) -> tuple[int, bytes]:
        """The next (type, payload). Raises WaitTimeout (the session is then closed), AgentLost."""
        try:
            event = self._events.get(timeout=deadline.remaining() if deadline else None)
        except queue.Empty:
            self.close()
            raise WaitTimeout(f"no word from the agent within {deadline.seconds:g} s") from None
        if event is None:
            raise AgentLost(f"{self._agent.name} went away")
        if event[0] in (Type.STDOUT, Type.STDERR):
            self._agent.send(Type.WINDOW_ADD, self.id, len(event[1]).to_bytes(4, "little"))
        return event

    def events(self, deadline: Deadline | None = None) -> Iterator[tuple[int, bytes]]:
        """All (type, payload) up to and with EXIT."""
        while True:
            event = self.next(deadline)
            yield event
            if event[0] == Type.EXIT:
                return

    def write(self, data: bytes, deadline: Deadline | None = None) -> bool:
        """Sends input as the node takes it; False when the session ended first."""
        view = memoryview(data)
        while view:
            with self._changed:
                if not self._changed.wait_for(lambda: self._credit or self._over,
                                              deadline.remaining() if deadline else None):
                    raise WaitTimeout(f"{self._agent.name} does not take its input")
                if self._over:
                    return False
                count = min(len(view), self._credit, CHUNK)
                self._credit -= count
            self._agent.send(Type.DATA, self.id, bytes(view[:count]))
            view = view[count:]
        return True

    def eof(self) -> None:
        self._agent.send(Type.EOF, self.id)

    def signal(self, number: int) -> None:
        self._agent.send(Type.SIGNAL, self.id, number.to_bytes(4, "little"))

    def resize(self, rows: int, columns: int) -> None:
        self._agent.send(Type.WINSIZE, self.id, struct.pack("<HH", rows, columns))

    def close(self) -> None:
        """Gives up the session; what runs in it is killed."""
        if self._agent.forget(self.id):
            self._agent.send(Type.CLOSE, self.id)


def exit_status(payload: bytes) -> tuple[Exit, int, str]:
    """Takes EXIT apart: (kind, value, text)."""
    kind, value = struct.unpack_from("<Ii", payload)
    return Exit(kind), value, payload[8:].decode(errors="replace")


class Agent:
    """A greeted connection. Raises ClusterError if the agent speaks another version."""

    def __init__(self, sock: socket.socket, name: str, timeout: float = 30):
        self.name = name
        self._sock = sock
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._sessions: dict[int, Receiver] = {}
        self._next_id = 1
        self.alive = True
        nonce = os.urandom(NONCE_SIZE)
        stream = sock.makefile("rb")
        try:
            sock.settimeout(Deadline(timeout).remaining())
            sock.sendall(host_hello(nonce))
            version = find_hello(stream, nonce)
            sock.settimeout(None)
        except OSError as error:
            shut(sock)
            raise AgentLost(f"{name}: the agent does not answer: {error}") from error
        if version != VERSION:
            raise ClusterError(f"{name}: the agent speaks version {version}, this driver "
                               f"{VERSION}; rebuild the image with 'make node'")
        threading.Thread(target=self._read, args=(stream,), name=f"agent {name}",
                         daemon=True).start()

    def _read(self, stream: BinaryIO) -> None:
        try:
            while frame := read_frame(stream):
                kind, number, payload = frame
                receiver = self._sessions.get(number)
                if receiver:
                    receiver.deliver(kind, payload)
                if kind == Type.EXIT:
                    self.forget(number)
        except (OSError, ClusterError, ValueError):
            pass
        with self._lock:
            self.alive = False
            orphans = list(self._sessions.values())
            self._sessions.clear()
        stream.close()
        for orphan in orphans:
            orphan.lost()

    def register(self, receiver: Receiver) -> int:
        """A session number whose frames go to receiver."""
        with self._lock:
            if not self.alive:
                raise AgentLost(f"{self.name} is not connected")
            number, self._next_id = self._next_id, self._next_id % 0xffffffff + 1
            self._sessions[number] = receiver
            return number

    def forget(self, number: int) -> bool:
        with self._lock:
            return self._sessions.pop(number, None) is not None

    def send(self, kind: int, session: int, payload: bytes = b"") -> None:
        frame = encode(kind, session, payload)
        try:
            with self._sending:
                self._sock.sendall(frame)
        except OSError as error:
            raise AgentLost(f"{self.name} went away") from error

    def close(self) -> None:
        shut(self._sock)

    # -- what callers want ---------------------------------------------

    def session(self, argv: Sequence[str], timeout: float = 0, env: Sequence[str] = (),
                cwd: str = "", pty: tuple[int, int] | None = None) -> Session:
        """Starts a command; timeout in seconds, 0 for none."""
        payload = run_payload(argv, int(timeout * 1000), env, cwd, pty)
        return Session(self, Type.RUN, payload)

    def run(self, argv: Sequence[str], *, timeout: float = 60, stdin: bytes = b"",
            env: Sequence[str] = (), cwd: str = "") -> Result:
        """Runs a command to its end. Raises WaitTimeout when it takes longer, after which
        it was killed, and CommandFailed when it could not be started."""
        limit = Deadline(timeout)
        slack = Deadline(timeout + 20)
        session = self.session(argv, limit.seconds, env, cwd)
        if stdin:
            threading.Thread(target=self._feed, args=(session, stdin), daemon=True).start()
        else:
            session.eof()
        out, err = [], []
        for kind, payload in session.events(slack):
            if kind == Type.STDOUT:
                out.append(payload)
            elif kind == Type.STDERR:
                err.append(payload)
            elif kind == Type.EXIT:
                how, value, text = exit_status(payload)
        if how == Exit.TIMED_OUT:
            tail = b"".join((*out, *err))[-2000:].decode(errors="replace")
            raise WaitTimeout(f"{self.name}: {argv!r} ran longer than {limit.seconds:g} s; "
                              f"its output ends: {tail!r}")
        if how == Exit.FAILED:
            raise CommandFailed(f"{self.name}: {text}")
        status = value if how == Exit.EXITED else 128 + value
        return Result(status, b"".join(out), b"".join(err))

    @staticmethod
    def _feed(session: Session, data: bytes) -> None:
        try:
            if session.write(data):
                session.eof()
        except ClusterError:
            pass  # whoever waits for the session's end is told

    def put(self, source: BinaryIO, path: str, mode: int = 0o644, timeout: float = 300) -> None:
        """Writes a file in the node from a stream. Raises CommandFailed."""
        deadline = Deadline(timeout)
        session = Session(self, Type.PUT,
                          (mode & 0o7777).to_bytes(4, "little") + os.fsencode(path) + b"\0")
        while data := source.read(CHUNK):
            if not session.write(data, deadline):
                break
        else:
            session.eof()
        self._copied(session, deadline, None)

    def get(self, path: str, target: BinaryIO, timeout: float = 300) -> None:
        """Copies a file of the node to a stream. Raises CommandFailed."""
        session = Session(self, Type.GET, os.fsencode(path) + b"\0")
        self._copied(session, Deadline(timeout), target)

    def _copied(self, session: Session, deadline: Deadline, target: BinaryIO | None) -> None:
        for kind, payload in session.events(deadline):
            if kind == Type.STDOUT and target:
                target.write(payload)
            elif kind == Type.EXIT:
                how, _, text = exit_status(payload)
                if how != Exit.EXITED:
                    raise CommandFailed(f"{self.name}: {text}")


def local_mode(path: Path) -> int:
    """Permission bits of a file here."""
    return path.stat().st_mode & 0o7777
