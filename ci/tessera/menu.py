# SPDX-License-Identifier: GPL-2.0-only
"""The boot menu of the ISO image, and somebody who sits at it, by the serial port."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Callable

from .artifacts import TOP
from .errors import WaitTimeout
from .machine import Node
from .timing import Deadline, retry

# Both loaders know these, and unlike arrows they are one byte, of which none can be lost.
UP, DOWN, ENTER = "\x10", "\x0e", "\r"
HEADLINE = r'joins the cluster "([A-Za-z0-9._-]+)"'
# GRUB marks it with a star, ISOLINUX with a colour.
HIGHLIGHTED = re.compile(r"(?:\x1b\[[0-9;]*H\*|\x1b\[0;7;37;40m )([^\x1b]{10,})")
MORE = "More ..."
LOST = 3  # seconds without an answer, then a key is pressed again


@dataclass
class Entry:
    """One line of image/iso/menu.list; in the submenu if more."""
    name: str
    kind: str
    title: str
    words: str
    more: bool


def all_entries() -> list[Entry]:
    """In their order."""
    found = []
    for line in (TOP / "image/iso/menu.list").read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, title, words = line.split("|")
            found.append(Entry(name, kind, title.lstrip("-"), words, title.startswith("-")))
    return found


def entries(kind: str = "plain") -> list[tuple[str, str, str]]:
    """(name, kind, parameters) of the menu's entries, in their order."""
    return [(e.name, e.kind, e.words) for e in all_entries() if e.more == (kind == "more")]


def highlighted(node: Node, titles: list[str]) -> int | None:
    """Which of them.  Two consoles on one port mix a letter or two."""
    found = HIGHLIGHTED.findall(node.console.text())
    near = difflib.get_close_matches(found[-1].rstrip(" >"), titles, 1) if found else []
    return titles.index(near[0]) if near else None


def press(node: Node, key: str, answered: Callable[[], bool]) -> None:
    """As often as it takes: a key that comes while a menu is drawn may be lost."""
    deadline = Deadline(60)
    while True:
        last = deadline.passed
        node.console_send(key)
        try:
            retry(answered, LOST, "an answer to a key")
            return
        except WaitTimeout:
            if last:
                raise


def go_to(node: Node, titles: list[str], wanted: str) -> None:
    """Highlights it."""
    target = titles.index(wanted)
    while True:
        at = retry(lambda: (i := highlighted(node, titles)) is not None and [i], 30,
                   f"{node.name}: one of {titles} is highlighted")[0]
        if at == target:
            return
        press(node, DOWN if at < target else UP, lambda at=at: highlighted(node, titles) != at)


def choose(node: Node, name: str, seen: Callable[[], None] = lambda: None) -> None:
    """Waits for the menu, calls `seen`, and picks an entry as a person would."""
    node.wait_for_console_text(HEADLINE, timeout=120)
    node.wait_for_console_text(r"Memory test|seconds? \.\.\.|automatically in", timeout=30)
    seen()
    entry = next(e for e in all_entries() if e.name == name)
    titles = [e.title for e in all_entries() if not e.more] + [MORE]
    if entry.more:
        go_to(node, titles, MORE)
        titles = [e.title for e in all_entries() if e.more]
        press(node, ENTER, lambda: highlighted(node, titles) is not None)
    go_to(node, titles, entry.title)
    before = node.console.position()
    press(node, ENTER, lambda: node.console.position() > before)
