# SPDX-License-Identifier: GPL-2.0-only
"""Deadlines. All waits of the driver go through here, so that one environment
variable, TESSERA_TIMEOUT_SCALE, makes them longer on a slow host."""

from __future__ import annotations

import os
import time
from typing import Callable, TypeVar

from .errors import UsageError, WaitTimeout

T = TypeVar("T")


def scale() -> float:
    """Factor for every timeout; 1 unless TESSERA_TIMEOUT_SCALE says otherwise."""
    text = os.environ.get("TESSERA_TIMEOUT_SCALE", "1")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1000:
        raise UsageError(f"TESSERA_TIMEOUT_SCALE is '{text}', which is no positive number")
    return value


class Deadline:
    """A point in time `seconds` from now, times the scale factor."""

    def __init__(self, seconds: float):
        self.seconds = seconds * scale()
        self._end = time.monotonic() + self.seconds

    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.remaining() == 0


def retry(attempt: Callable[[], T | None], seconds: float, what: str,
          seen: Callable[[], str] = lambda: "", interval: float = 0.05) -> T:
    """Calls `attempt` until it returns something true, and returns that.

    The last attempt comes after the deadline. Raises WaitTimeout with `what` was waited
    for and what `seen` tells of the last state.
    """
    deadline = Deadline(seconds)
    while True:
        last = deadline.passed
        result = attempt()
        if result:
            return result
        if last:
            detail = seen()
            raise WaitTimeout(f"{what}: not within {deadline.seconds:g} s"
                              + (f"; last seen: {detail}" if detail else ""))
        time.sleep(min(interval, max(deadline.remaining(), 0.001)))
