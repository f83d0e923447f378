# SPDX-License-Identifier: GPL-2.0-only
"""PCs that are switched on with a boot menu before them, and somebody who sits at it."""

import os
from pathlib import Path

import pytest

import clusters
from tessera import menu

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TESSERA_BUILD", TOP / "build"))
SHOTS = BUILD / "test-screens"
entries = menu.entries


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


def choose(node, name):
    menu.choose(node, name, lambda: node.screenshot(shot(f"menu-{node.spec.boot}-{node.spec.firmware}")))


def shot(name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS / f"{name}.png"
