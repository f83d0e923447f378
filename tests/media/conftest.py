# SPDX-License-Identifier: GPL-2.0-only
"""Media, booted. Clusters, deadlines and the eye on every console are those of the VM
tests; what is new here is that somebody sits at the boot menu.

TESSERA_ISO names the ISO image that is tested; by default build/iso-test/tessera.iso, the
short form that `make test` makes of the Debian root it has anyway.
"""

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TESSERA_BUILD", TOP / "build"))
SHOTS = BUILD / "test-screens"

_spec = importlib.util.spec_from_file_location("tessera_vm_fixtures",
                                               TOP / "tests" / "vm" / "conftest.py")
vm = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(vm)
sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(pluginmanager):
    pluginmanager.register(vm, "tessera_vm_fixtures")


make_cluster = vm.make_cluster

UP, DOWN, ENTER = "\x1b[A", "\x1b[B", "\r"
HEADLINE = r'joins the cluster "([A-Za-z0-9._-]+)"'


class Room(vm.Factory):
    """Switches PCs on, and leaves the waiting to the test."""

    def power_on(self, nodes, **options):
        cluster = vm.Cluster(nodes, **options)
        self._clusters.append(cluster)
        cluster.start()
        for lan in cluster.lans if cluster.network == "hub" else ():
            cluster.record(cluster.folder / f"{lan}.pcap", vm.RECORD_MIB, lan)
        return cluster


@pytest.fixture
def room(request):
    factory = Room(request.config.tessera_watch)
    yield factory
    factory.close()


@pytest.fixture(scope="session")
def iso():
    path = Path(os.environ.get("TESSERA_ISO", BUILD / "iso-test" / "tessera.iso"))
    if not path.exists():
        pytest.skip(f"'{path}' is not built; 'make iso-test' or 'make iso' makes one")
    return path


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
