# SPDX-License-Identifier: GPL-2.0-only
"""A process of its own that owns a cluster, which can so stay on when the terminal is given back."""

from __future__ import annotations

import os
import signal
import sys
from typing import Callable, NoReturn


def begin(own: Callable[[int], NoReturn]) -> tuple[int, int]:
    """Calls `own` with the writing end of a pipe, in a session of its own: SIGTERM alone ends it.
    Returns its PID and the reading end."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        os.setsid()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        own(sink)
    os.close(sink)
    return child, source
