# SPDX-License-Identifier: GPL-2.0-only
"""Unix sockets in folders whose path may be longer than a socket address holds."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import termios
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def _short(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connect(path: Path) -> socket.socket:
    """A stream connected to the socket at path. Raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as name:
            sock.connect(name)
    except OSError:
        sock.close()
        raise
    return sock


def listen(path: Path, backlog: int = 16) -> socket.socket:
    """A listening stream socket at path, replacing what is there, for our user only."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    with _short(path) as name:
        sock.bind(name)
    path.chmod(0o600)
    sock.listen(backlog)
    return sock


def unread(sock: socket.socket) -> int:
    """Bytes we sent that the other end has not read; throws away what it sent us."""
    try:
        while sock.recv(65536, socket.MSG_DONTWAIT):
            pass
    except BlockingIOError:
        pass
    answer = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def shut(sock: socket.socket | None) -> None:
    """Ends a connection, waking a thread that reads from it."""
    if sock is None:
        return
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()
