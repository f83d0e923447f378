# SPDX-License-Identifier: GPL-2.0-only
"""Every entry of the boot menu, on every way in, reaches its prompt."""

import pytest
from menus import choose, entries, shot

pytestmark = pytest.mark.deadline(600)
WAYS = [("iso", "bios"), ("usb", "bios"), ("iso", "uefi"), ("usb", "uefi")]
ENTRIES = entries("plain") + entries("more")


@pytest.mark.parametrize("boot, firmware", WAYS, ids=["-".join(way) for way in WAYS])
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry[0] for entry in ENTRIES])
def test_entry(room, iso, boot, firmware, entry):
    name, kind, words = entry
    node = room.power_on(1, boot=boot, firmware=firmware, iso=iso, memory=1280).nodes[0]
    choose(node, name)
    if kind == "memtest":
        node.wait_for_console_text("Memtest86", timeout=120)
        node.screenshot(shot(f"{name}-{boot}-{firmware}"))
        return
    node.wait_ready(300)
    node.wait_until_succeeds(f"pgrep -f {'runuser' if kind == 'live' else '/bin/sh'} || pidof sh", timeout=90)
    node.screenshot(shot(f"{name}-{boot}-{firmware}"))
    line = node.succeed("cat /proc/cmdline")
    assert all(word in line for word in words.split()), line
    wanted = "Debian" if kind == "live" else "Tessera"
    assert wanted in node.succeed("cat /etc/os-release 2>/dev/null || /usr/lib/tessera/banner")
    if "toram" in words:
        node.fail("grep -q /run/tessera/medium /proc/mounts")
    if "persistence" in words:
        assert "no partition has the label" in node.succeed("cat /run/tessera/complaints")
