# SPDX-License-Identifier: GPL-2.0-only
"""What is kept, and what is said when memory is short or the medium not whole."""

import contextlib
import subprocess

import pytest
from menus import choose

from tessera.errors import AgentLost, WaitTimeout

pytestmark = pytest.mark.deadline(600)


def make_stick(folder, conf):
    content = folder / "content"
    content.mkdir()
    (content / "persistence.conf").write_text(conf)
    stick = folder / "stick.img"
    with open(stick, "wb") as file:
        file.truncate(128 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "persistence", "-d", content, stick], check=True)
    return stick


@pytest.mark.parametrize("conf", ["/ union\n", "/home\n", "/root source=mine,union\n"])
def test_changes_are_kept(room, iso, tmp_path, conf):
    node = room.power_on(1, boot="iso", iso=iso, memory=1024, stick=make_stick(tmp_path, conf)).nodes[0]
    place = {"/ union\n": "/etc", "/home\n": "/home/tessera"}.get(conf, "/root")
    choose(node, "live-keep")
    node.wait_ready(240)
    node.fail("test -s /run/tessera/complaints")
    node.succeed(f"echo kept > {place}/note && echo lost > /srv/lost && sync")
    mark = node.console.position()
    node.expect_reset()
    with contextlib.suppress(AgentLost, WaitTimeout):
        node.execute("reboot", timeout=30)
    node.wait_reset()
    node.wait_for_console_text("joins the cluster", timeout=120, since=mark)
    choose(node, "live-keep")
    node.wait_ready(240)
    assert node.succeed(f"cat {place}/note").strip() == "kept"
    if conf != "/ union\n":
        node.fail("test -e /srv/lost")


def test_too_little_memory_for_a_copy(room, iso):
    node = room.power_on(1, boot="iso", iso=iso, memory=512).nodes[0]
    choose(node, "live-toram-serial")
    node.wait_for_console_text(r"Debian in RAM needs \d+ MiB of free memory .* this machine has \d+ MiB free of \d+ MiB; "
                               "starting from the boot medium", timeout=180)
    node.wait_ready(240)
    node.succeed("grep -q trixie /etc/os-release")


def test_a_stick_that_was_cut_off(room, iso, tmp_path):
    """dd ended early: kernel and node image are there, Debian is not whole."""
    size = iso.stat().st_size
    whole, half = iso, tmp_path / "half.iso"
    subprocess.run(["head", "-c", str(size * 3 // 4), whole], stdout=open(half, "wb"), check=True)
    cluster = room.power_on(1, boot="usb", iso=half, memory=768)
    node = cluster.nodes[0]
    choose(node, "live")
    node.wait_for_console_text(r"the boot medium sda is cut off: \d+ MiB of \d+ MiB; write the ISO image to it again",
                               timeout=180)
    node.wait_for_console_text("starting the node in RAM instead")
    node.wait_ready(120)
    assert "cut off" in node.succeed("/usr/lib/tessera/banner")
