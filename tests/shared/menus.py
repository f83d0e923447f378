# SPDX-License-Identifier: GPL-2.0-only
"""PCs that are switched on with a boot menu before them, and somebody who sits at it."""

import os
import time
from pathlib import Path

import pytest

import clusters

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TESSERA_BUILD", TOP / "build"))
SHOTS = BUILD / "test-screens"
UP, DOWN, ENTER = "\x1b[A", "\x1b[B", "\r"
HEADLINE = r'joins the cluster "([A-Za-z0-9._-]+)"'


class Room(clusters.Factory):
    """Switches PCs on, and leaves the waiting to the test."""

    def power_on(self, nodes, **options):
        return self.switch_on(clusters.Cluster(nodes, **options))


@pytest.fixture(scope="session")
def build():
    return BUILD


@pytest.fixture
def room(request):
    factory = Room(request.config.tessera_watch)
    yield factory
    factory.close()


def entries(kind="plain"):
    """(name, kind, parameters) of the menu's entries, in their order."""
    found = []
    for line in (TOP / "image/iso/menu.list").read_text().splitlines():
        if line and not line.startswith("#"):
            name, what, title, words = line.split("|")
            if title.startswith("-") == (kind == "more"):
                found.append((name, what, words))
    return found


def choose(node, name):
    """Waits for the menu on the serial port, and picks an entry as a person would."""
    node.wait_for_console_text(HEADLINE, timeout=120)
    node.wait_for_console_text(r"Memory test|seconds? \.\.\.|automatically in", timeout=30)
    node.screenshot(shot(f"menu-{node.spec.boot}-{node.spec.firmware}"))
    plain, more = ([e[0] for e in entries(k)] for k in ("plain", "more"))
    if name in plain:
        keys = DOWN * plain.index(name)
    else:
        keys = DOWN * len(plain) + ENTER + DOWN * more.index(name)
    for key in split_keys(keys + ENTER):
        node.console_send(key)
        # A key that comes while the menu is drawn may be lost: wait until it has answered.
        settle(node)


def split_keys(keys):
    at = 0
    while at < len(keys):
        size = 3 if keys[at] == "\x1b" else 1
        yield keys[at:at + size]
        at += size


def settle(node):
    """Until the console is quiet for a moment, or two seconds at most."""
    end = time.monotonic() + 2
    last = node.console.position()
    quiet = time.monotonic()
    while time.monotonic() < end and time.monotonic() - quiet < 0.4:
        if node.console.position() != last:
            last, quiet = node.console.position(), time.monotonic()
        time.sleep(0.05)


def shot(name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS / f"{name}.png"
