# SPDX-License-Identifier: GPL-2.0-only
"""The server goes away, or memory is short: a message that a person can act on."""

import time

import pytest
from conftest import built
from menus import BUILD, shot
from served import Served, screen_text

from tessera.timing import retry

pytestmark = pytest.mark.deadline(600)


@pytest.fixture
def netboot():
    built(BUILD / "media/netboot/vmlinuz", "make netboot")


@pytest.fixture
def debian():
    return built(BUILD / "rootfs/debian.squashfs", "make rootfs")


def loading(served, what):
    """It has begun.  Said at once; what machines() tells is a second old, when all may be over."""
    return f"loading {what}\n" in served.log.read_text()


def test_a_server_that_goes_away_while_it_sends(room, netboot):
    """The machine says so, goes on asking, and boots when the server is back."""
    cluster = room.power_on([{"boot": "pxe"}], memory=512, pxe_from_node=True)
    node, space = cluster.nodes[0], cluster.lans["lan0"].space
    served = Served(cluster)
    try:
        node.start()
        retry(lambda: loading(served, "vmlinuz"), 90, "that it loads", interval=0.01)
        space.run("ip", "link", "set", "lan0", "down")
        retry(lambda: "stopped sending" in screen_text(node), 90, "the message on the screen")
        assert "Is the machine that runs tessera-serve still on" in screen_text(node)
        node.screenshot(shot("pxe-server-gone"))
        space.run("ip", "link", "set", "lan0", "up")
        node.wait_ready(240)
    finally:
        served.stop()


def test_debian_from_a_server_that_pauses(room, netboot, debian):
    """The transfer goes on where it broke off, and Debian starts."""
    cluster = room.power_on([{"boot": "pxe"}], memory=1024, pxe_from_node=True)
    node, space = cluster.nodes[0], cluster.lans["lan0"].space
    served = Served(cluster, "--live", str(debian))
    try:
        node.start()
        retry(lambda: loading(served, "live.squashfs"), 180, "that it loads Debian", interval=0.02)
        space.run("ip", "link", "set", "lan0", "down")
        node.wait_for_console_text(r"the server stopped sending after \d+ MiB of \d+ MiB; asking again", timeout=90)
        space.run("ip", "link", "set", "lan0", "up")
        node.wait_ready(300)
        node.succeed("grep -q trixie /etc/os-release")
        assert "a copy in RAM of http://" in node.console.text()
    finally:
        served.stop()


def test_debian_from_a_server_that_is_gone(room, netboot, debian):
    cluster = room.power_on([{"boot": "pxe"}], memory=1024, pxe_from_node=True)
    node, space = cluster.nodes[0], cluster.lans["lan0"].space
    served = Served(cluster, "--live", str(debian))
    try:
        node.start()
        retry(lambda: loading(served, "live.squashfs"), 180, "that it loads Debian", interval=0.02)
        space.run("ip", "link", "set", "lan0", "down")
        node.wait_for_console_text(r"the server stopped sending after \d+ MiB of \d+ MiB; is the machine that serves "
                                   "still on", timeout=300)
        node.wait_ready(120)
        assert "starting the node in RAM instead" in node.succeed("/usr/lib/tessera/banner")
    finally:
        space.run("ip", "link", "set", "lan0", "up")
        served.stop()


def test_debian_needs_more_memory_than_there_is(room, netboot, debian):
    cluster = room.power_on([{"boot": "pxe"}], memory=448, pxe_from_node=True)
    node = cluster.nodes[0]
    served = Served(cluster, "--live", str(debian))
    try:
        begin = time.monotonic()
        node.start()
        node.wait_for_console_text(r"Debian in RAM needs \d+ MiB of free memory .*; this machine has \d+ MiB free of \d+ MiB; "
                                   "start it from a medium, or as a compute node", timeout=180)
        print(f"said {time.monotonic() - begin:.1f} s after power-on")
        assert not loading(served, "live.squashfs")
        node.wait_ready(120)
    finally:
        served.stop()
