# SPDX-License-Identifier: GPL-2.0-only
"""A node boots to its prompt, and whatever is wrong it still does, and says what."""

import re

import pytest

from tessera import Cluster
from tessera.artifacts import BUILD, debian_root
from tessera.timing import retry

MIB = 1 << 20
PROMPT = r"node1:\S*# "


def test_prompt_comes(make_cluster):
    """How soon is for `make bench` to say."""
    make_cluster(1).nodes[0].wait_for_console_text(PROMPT, timeout=60)


def test_banner_says_who_the_node_is(make_cluster):
    node = make_cluster(1, set_number=False, dhcp=True).nodes[0]
    node.wait_for_console_text(r"Tessera [\w.+-]+, Linux 6\.12\.\S+")
    node.wait_for_console_text(r"node 1, host name node1\s+eth0 10\.20\.0\.1/16")
    banner = node.succeed("/usr/lib/tessera/banner")
    version = node.succeed(". /etc/tessera-release; echo $TESSERA_VERSION").strip()
    assert re.search(rf"Tessera {re.escape(version)}, Linux 6\.12", banner)
    assert "node 1, host name node1" in banner and "eth0 10.20.0.1/16" in banner
    assert "!" not in banner


def test_there_is_a_prompt_on_every_console(make_cluster):
    node = make_cluster(1).nodes[0]
    node.wait_for_console_text(PROMPT)
    shells = "for p in /proc/[0-9]*; do readlink $p/fd/0; done 2>/dev/null | sort -u"
    retry(lambda: {"/dev/tty1", "/dev/ttyS0"} <= set(node.succeed(shells).split()), 30,
          "somebody on both consoles")
    node.console_send("echo seven times six is $((6 * 7))\n")
    node.wait_for_console_text(r"seven times six is 42\s+" + PROMPT)
    # Another shell takes its place; what is typed before it reads is the old one's.
    mark = node.console.position()
    node.console_send("exit\n")
    node.wait_for_console_text(PROMPT, since=mark)
    node.console_send("echo back $((2 + 3)) again\n")
    node.wait_for_console_text("back 5 again")


def test_file_systems_of_a_node(make_cluster):
    node = make_cluster(1, disk=16).nodes[0]
    mounts = {line.split()[1]: line.split()[2] for line in
              node.succeed("cat /proc/mounts").splitlines()}
    expected = {"/proc": "proc", "/sys": "sysfs", "/dev": "devtmpfs", "/dev/pts": "devpts",
                "/dev/shm": "tmpfs", "/run": "tmpfs", "/tmp": "tmpfs", "/sys/fs/cgroup": "cgroup2"}
    assert expected.items() <= mounts.items()
    assert not [kind for kind in mounts.values() if kind in ("ext4", "vfat", "squashfs")]
    writes = "awk '{ print $5 }' /sys/block/vda/stat"
    assert node.succeed(writes).strip() == "0", "the node wrote to a local disk"


def test_power_off_and_both_ways_to_restart(make_cluster):
    node = make_cluster(1).nodes[0]
    boot_id = "cat /proc/sys/kernel/random/boot_id"
    before = node.succeed(boot_id)
    node.reboot()
    assert node.succeed(boot_id) != before
    node.expect_reset()
    resets = node.resets
    node.qmp("send-key", keys=[{"type": "qcode", "data": key} for key in ("ctrl", "alt", "delete")])
    node.wait_reset(resets + 1)
    node.wait_ready()
    node.shutdown()
    assert node.state == "off"


def test_wrong_parameters_are_named_and_do_no_harm(make_cluster):
    wrong = {"tessera.node=0": "must be a number from 1 to 65535",
             "tessera.ip=10.0.0.1": "needs a prefix length",
             "tessera.root=sda1": "must be 'ram', 'live', a device",
             "tessera.colour=blue": "is unknown"}
    node = make_cluster(1, set_number=False, dhcp=True, cmdline=" ".join(wrong)).nodes[0]
    assert node.address(begins="10.20.") == "10.20.0.1"
    banner = node.succeed("/usr/lib/tessera/banner")
    for word, message in wrong.items():
        node.wait_for_console_text(f"boot parameter '{re.escape(word)}': .*{re.escape(message)}")
        assert f"! boot parameter '{word}'" in banner
    assert "node 1, host name node1" in node.wait_until_succeeds(
        "/usr/lib/tessera/banner | grep 'node 1,'")


def head_of_root(size):
    with open(debian_root(), "rb") as image:
        return image.read(size)


BAD_ROOTS = {
    # a copy that ended early
    "cut-off": (lambda: head_of_root(32 * MIB), 32, "the squashfs is cut off: 32 MiB .* of .*; copy it again"),
    # as long as it should be, but only its beginning is there
    "damaged": (lambda: head_of_root(MIB), 2048, "the squashfs is damaged .*; copy it again"),
    "empty-disk": (lambda: b"", 16, "there is no squashfs on it"),
    "other-file-system": (lambda: b"\0" * 1080 + b"\x53\xef", 16, "there is no squashfs on it"),
}


@pytest.mark.parametrize("kind", BAD_ROOTS)
def test_bad_root_is_explained_and_the_node_starts_in_ram(make_cluster, kind):
    content, size, message = BAD_ROOTS[kind]
    cluster = Cluster(1, disk=size, cmdline="tessera.root=/dev/vda")
    (cluster.nodes[0].folder / "disk.raw").write_bytes(content())
    make_cluster.adopt(cluster)
    node = cluster.nodes[0]
    node.wait_for_console_text(f"tessera.root=/dev/vda: {message}")
    node.wait_for_console_text("starting the node in RAM instead")
    node.wait_for_console_text(PROMPT)
    assert re.search(f"! tessera.root=/dev/vda: {message}", node.succeed("/usr/lib/tessera/banner"))
    assert "/dev/vda" not in node.succeed("cat /proc/mounts")


def test_missing_root_device_names_those_there_are(make_cluster):
    node = make_cluster(1, disk=16, cmdline="tessera.root=/dev/sdx").nodes[0]
    node.wait_for_console_text("tessera.root=/dev/sdx: no such block device after 20 s; "
                               "this machine has: .*vda")
    node.wait_for_console_text(PROMPT)


def plug_in_realtek(node):
    """Adds a network card that only the image with hardware modules has a driver for."""
    node.qmp("netdev_add", type="hubport", id="plugged", hubid=9)
    node.qmp("device_add", driver="rtl8139", netdev="plugged", id="card", mac="52:54:00:00:81:39")


def test_a_card_without_driver_is_named(make_cluster):
    node = make_cluster(1).nodes[0]
    plug_in_realtek(node)
    node.reboot()
    node.wait_for_console_text(r"network card 10ec:8139 at 0000:00:\w\w\.0 has no driver in this image")
    assert "! network card 10ec:8139" in node.succeed("/usr/lib/tessera/banner")


def test_with_hardware_modules_it_has_one(make_cluster):
    image = BUILD / "node" / "initramfs-hw.cpio.zst"
    if not image.exists():
        pytest.skip("the image with hardware modules is not built; 'make node HARDWARE=1' makes it")
    node = make_cluster(1, initramfs=image, memory=512).nodes[0]
    plug_in_realtek(node)
    node.reboot()
    node.wait_until_succeeds("grep -qx 52:54:00:00:81:39 /sys/class/net/e*/address", timeout=60)
    assert "has no driver" not in node.succeed("/usr/lib/tessera/banner")


def test_a_shell_that_ends_is_replaced_and_orphans_are_reaped(make_cluster):
    node = make_cluster(1).nodes[0]
    node.succeed("(sh -c 'sleep 0.2 & sleep 0.3 & exit' &)")
    zombies = "grep -l '^State:.Z' /proc/[0-9]*/status"
    retry(lambda: node.execute(zombies).status != 0, 10, "reaping of orphans")
