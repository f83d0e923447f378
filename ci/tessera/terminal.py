# SPDX-License-Identifier: GPL-2.0-only
"""Commands of a node on the terminal, or the pipes, this program runs on."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import termios
import threading
import tty
from typing import Any, Sequence

from .agent import Agent, Exit, Session, Type, exit_status
from .errors import ClusterError

DETACH = b"\x1d"  # Ctrl-]


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(sys.stdin.fileno())
    return size.lines, size.columns


def _feed(session: Session, detach: bytes) -> None:
    """Standard input to the session, until either ends."""
    try:
        while data := os.read(sys.stdin.fileno(), 16384):
            if detach and detach in data:
                session.close()
                session.lost()
                return
            if not session.write(data):
                return
        session.eof()
    except (OSError, ClusterError):
        pass  # the end of the session says why


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def _relay(session: Session) -> int:
    """Output to here until the session ends; its status as the shell tells it."""
    for kind, payload in session.events():
        if kind == Type.STDOUT:
            _write_all(1, payload)
        elif kind == Type.STDERR:
            _write_all(2, payload)
        elif kind == Type.EXIT:
            how, value, text = exit_status(payload)
    if how == Exit.FAILED:
        print(f"cluster: {text}", file=sys.stderr)
        return 127
    return {Exit.EXITED: value, Exit.KILLED: 128 + value, Exit.TIMED_OUT: 124}[how]


def run(agent: Agent, argv: Sequence[str]) -> int:
    """Runs a command with our standard input, output and error."""
    session = agent.session(argv)

    def interrupt(number: int, _: Any) -> None:
        session.signal(number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    threading.Thread(target=_feed, args=(session, b""), daemon=True).start()
    return _relay(session)


def interact(agent: Agent, argv: Sequence[str]) -> int:
    """A command (a login shell by default) on a terminal of the node's, shown on ours.
    Ctrl-] leaves it. Our terminal is restored in any case."""
    from .errors import AgentLost, UsageError
    if not os.isatty(0):
        raise UsageError("standard input is no terminal; name a command to run instead")
    session = agent.session(argv or ["/bin/sh", "-l"], pty=_size(),
                            env=[f"TERM={os.environ.get('TERM', 'linux')}"])
    saved = termios.tcgetattr(0)
    signal.signal(signal.SIGWINCH, lambda *_: session.resize(*_size()))
    try:
        tty.setraw(0, termios.TCSADRAIN)
        threading.Thread(target=_feed, args=(session, DETACH), daemon=True).start()
        return _relay(session)
    except AgentLost:
        return 255
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)


def raw_relay(sock: socket.socket) -> None:
    """Keys to a socket and what comes from it to the screen, until Ctrl-] or its end."""
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        if saved:
            tty.setraw(0, termios.TCSADRAIN)
        sources = [0, sock]
        while ready := select.select(sources, [], [])[0]:
            if sock in ready:
                data = sock.recv(65536)
                if not data:
                    return
                _write_all(1, data)
            if 0 in ready:
                keys = os.read(0, 4096)
                if not keys or DETACH in keys:
                    return
                sock.sendall(keys)
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
