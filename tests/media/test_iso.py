# SPDX-License-Identifier: GPL-2.0-only
"""The ISO image boots as CD and as USB stick, on BIOS and UEFI, into what its menu says.

The short form; tests/room has every entry of the menu on every way in.
"""

import subprocess

import pytest
from menus import choose, shot

PROMPT = r"(root|tessera)@\S+:\S*[#$] "


def booted(room, iso, boot, firmware, entry, memory=768, **options):
    cluster = room.power_on(1, boot=boot, firmware=firmware, iso=iso, memory=memory, **options)
    node = cluster.nodes[0]
    choose(node, entry)
    node.wait_ready(240)
    node.screenshot(shot(f"{entry}-{boot}-{firmware}"))
    return node


def test_cd_on_bios_starts_debian(room, iso):
    node = booted(room, iso, "iso", "bios", "live")
    node.wait_for_console_text(PROMPT, timeout=120)
    assert "trixie" in node.succeed("cat /etc/os-release")
    assert "tessera.root=live" in node.succeed("cat /proc/cmdline")
    assert node.succeed("findmnt -no SOURCE /run/tessera/medium").strip() == "/dev/sr0"
    node.fail("test -s /run/tessera/complaints")
    # The key came as an initramfs of its own.
    assert node.succeed("stat -c %a /etc/tessera/cluster.key").strip() == "600"
    node.succeed("systemctl is-active omdiscd hpcd")
    node.fail("test -d /sys/firmware/efi")


def test_stick_on_uefi_starts_a_compute_node(room, iso):
    node = booted(room, iso, "usb", "uefi", "node", memory=512)
    node.succeed("test -d /sys/firmware/efi")
    node.succeed("pidof omdiscd && pidof hpcd")
    assert "tessera.root" not in node.succeed("cat /proc/cmdline")
    # Its drivers load by themselves, and the stick is not touched.
    node.fail("grep -q sda /proc/mounts")


def test_the_image_is_what_its_lists_say(iso):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=iso.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    rows = [line.split("\t") for line in (iso.parent / "manifest").read_text().splitlines()]
    assert {len(row) for row in rows} == {6}
    assert {row[0] for row in rows[1:]} >= {"kernel", "node", "loader", "debian"}
    assert all(row[5] for row in rows[1:]), "where the source is"


@pytest.mark.parametrize("sector, what", [(0, b"\x55\xaa")])
def test_a_disk_for_bios_and_uefi(iso, sector, what):
    """What dd writes has a boot record and, for UEFI, a partition of type EF."""
    with open(iso, "rb") as file:
        record = file.read(512)
    assert record[510:] == what
    types = [record[446 + 16 * i + 4] for i in range(4)]
    assert 0xef in types
