# SPDX-License-Identifier: GPL-2.0-only
"""The boot menu of the ISO image, and somebody who sits at it, by the serial port."""

from __future__ import annotations

import time
from typing import Callable, Iterator

from .artifacts import TOP
from .machine import Node

UP, DOWN, ENTER = "\x1b[A", "\x1b[B", "\r"
HEADLINE = r'joins the cluster "([A-Za-z0-9._-]+)"'


def entries(kind: str = "plain") -> list[tuple[str, str, str]]:
    """(name, kind, parameters) of the menu's entries, in their order."""
    found = []
    for line in (TOP / "image/iso/menu.list").read_text().splitlines():
        if line and not line.startswith("#"):
            name, what, title, words = line.split("|")
            if title.startswith("-") == (kind == "more"):
                found.append((name, what, words))
    return found


def choose(node: Node, name: str, seen: Callable[[], None] = lambda: None) -> None:
    """Waits for the menu, calls `seen`, and picks an entry as a person would."""
    node.wait_for_console_text(HEADLINE, timeout=120)
    node.wait_for_console_text(r"Memory test|seconds? \.\.\.|automatically in", timeout=30)
    seen()
    plain, more = ([e[0] for e in entries(k)] for k in ("plain", "more"))
    if name in plain:
        keys = DOWN * plain.index(name)
    else:
        keys = DOWN * len(plain) + ENTER + DOWN * more.index(name)
    for key in split_keys(keys + ENTER):
        node.console_send(key)
        # A key that comes while the menu is drawn may be lost: wait until it has answered.
        settle(node)


def split_keys(keys: str) -> Iterator[str]:
    at = 0
    while at < len(keys):
        size = 3 if keys[at] == "\x1b" else 1
        yield keys[at:at + size]
        at += size


def settle(node: Node) -> None:
    """Until the console is quiet for a moment, or two seconds at most."""
    end = time.monotonic() + 2
    last = node.console.position()
    quiet = time.monotonic()
    while time.monotonic() < end and time.monotonic() - quiet < 0.4:
        if node.console.position() != last:
            last, quiet = node.console.position(), time.monotonic()
        time.sleep(0.05)
