# SPDX-License-Identifier: GPL-2.0-only
"""Boot one, and the room follows: a live node from the ISO image boots the others."""

import json
import time

import pytest
from menus import choose, shot
from served import SERIAL

pytestmark = pytest.mark.deadline(900)
# Takes a while, has one thread, and prints what it found.
SUM = "awk 'BEGIN { for (i = 0; i < 30000000; i++) s += i % 7; print s }'"
RESULT = "89999995"


def start_live(room, iso, dhcp):
    cluster = room.power_on([{"boot": "iso", "iso": iso, "memory": 1024}, {"boot": "pxe"},
                             {"boot": "pxe", "firmware": "uefi"}],
                            memory=512, pxe_from_node=True, dhcp=dhcp)
    live = cluster.nodes[0]
    begin = time.monotonic()
    choose(live, "live-serial")
    live.wait_ready(240)
    live.wait_for_console_text(r"tessera@\S+:\S*\$ ", timeout=120)
    print(f"live: a prompt {time.monotonic() - begin:.1f} s after power-on")
    return cluster


@pytest.mark.parametrize("dhcp", [False, True], ids=["no-dhcp-server", "foreign-dhcp-server"])
def test_a_live_node_boots_the_room(room, iso, dhcp):
    cluster = start_live(room, iso, dhcp)
    live, bios, uefi = cluster.nodes
    before = [live.address(begins="10.20." if dhcp else "169.254.")]
    live.succeed(f"systemd-run -q --unit=serve tessera-serve --append '{SERIAL}'")
    live.wait_until_succeeds("tessera-serve --status", timeout=60)
    state = json.loads(live.succeed("tessera-serve --status --json"))
    assert state["cards"][0]["dhcp"] == ("proxy" if dhcp else "full")
    assert state["cluster"] == "tessera"
    begin = time.monotonic()
    for node in (bios, uefi):
        node.start()
    for node in (bios, uefi):
        node.wait_ready(300)
        print(f"{node.spec.firmware}: booted from the network {time.monotonic() - begin:.1f} s after power-on")
    for node in (bios, uefi):
        assert node.address().startswith("10.20." if dhcp else "10.83.")
        number = node.wait_until_succeeds("grep -vx 0 /proc/hpc/admin/mospe", timeout=30).strip()
        live.wait_until_succeeds(f"test -d /proc/hpc/nodes/{number}", timeout=60)
    live.wait_until_succeeds("tessera-serve --status | grep -c joined | grep -qx 2", timeout=30)
    live.screenshot(shot(f"room-{'proxy' if dhcp else 'full'}"))
    move_there_and_back(live, bios)
    live.succeed("tessera-serve --stop")
    assert live.execute("pidof dnsmasq").status != 0
    assert live.addresses() == before, "addresses it took are given back"


def move_there_and_back(live, other):
    number = other.succeed("cat /proc/hpc/admin/mospe").strip()
    live.succeed(f"{SUM} > /tmp/sum 2>&1 & echo $! > /tmp/pid")
    live.succeed(f"migrate $(cat /tmp/pid) {number}", timeout=60)
    assert live.succeed("cat /proc/$(cat /tmp/pid)/where").strip() == number
    live.wait_until_succeeds("test -s /tmp/sum", timeout=300)
    assert live.succeed("cat /tmp/sum").strip() == RESULT


def test_the_menu_entry_that_serves(room, iso):
    """Nobody types anything but the choice in the menu."""
    cluster = room.power_on([{"boot": "iso", "iso": iso, "memory": 1024}, {"boot": "pxe", "memory": 512}],
                            pxe_from_node=True)
    live, other = cluster.nodes
    choose(live, "live-serve")
    live.wait_ready(240)
    live.wait_until_succeeds("tessera-serve --status", timeout=90)
    other.start()
    other.wait_ready(300)
    live.wait_until_succeeds("tessera-serve --status | grep -q joined", timeout=60)
