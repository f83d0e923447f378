# SPDX-License-Identifier: GPL-2.0-only
"""The ways a node of the cluster in a box can be made: firmware, boot medium, hardware.

What the images themselves promise on these is tested elsewhere; here it is the
driver that has to offer them.
"""

import struct

import pytest

from tessera import Cluster
from tessera.errors import UsageError
from tessera.timing import retry

SECTOR = 2048
# 16-bit code at 0x7c00: each byte of the text behind it to the first serial port.
BOOT_CODE = bytes.fromhex("31c0 8ed8 be167c ba f803 ac 84c0 7403 ee ebf8 f4 ebfd".replace(" ", ""))


def bootable_cd(text):
    """A CD image with nothing but a boot record: what it boots prints text."""
    code = BOOT_CODE.ljust(0x16, b"\x90") + text.encode() + b"\0"
    validation = bytearray(struct.pack("<BBH24sHBB", 1, 0, 0, b"Tessera", 0, 0x55, 0xaa))
    checksum = -sum(struct.unpack("<16H", validation)) & 0xffff
    struct.pack_into("<H", validation, 28, checksum)
    entry = struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, 4, 20).ljust(32, b"\0")
    record = b"\0CD001\1EL TORITO SPECIFICATION".ljust(71, b"\0") + struct.pack("<I", 19)
    sectors = {16: b"\1CD001\1", 17: record, 18: b"\xffCD001\1",
               19: bytes(validation) + entry, 20: code}
    return b"".join(sectors.get(i, b"").ljust(SECTOR, b"\0") for i in range(64))


def test_iso_image_boots(tmp_path, make_cluster):
    (tmp_path / "cd.iso").write_bytes(bootable_cd("booted from a CD\r\n"))
    cluster = Cluster(1, boot="iso", iso=tmp_path / "cd.iso")
    try:
        cluster.start()
        cluster.nodes[0].wait_for_console_text("^booted from a CD$", timeout=60)
    finally:
        cluster.close()


def test_uefi_firmware(make_cluster):
    node = make_cluster(1, firmware="uefi").nodes[0]
    node.succeed("test -d /sys/firmware/efi")
    node.reboot(hard=True)
    node.succeed("test -d /sys/firmware/efi")


def test_network_boot(make_cluster):
    """Kernel and initramfs come over the cluster's LAN, as the DHCP server says."""
    cluster = make_cluster(2, boot="pxe", dhcp=True)
    for node in cluster.nodes:
        assert "initrd=initramfs" in node.succeed("cat /proc/cmdline")
        assert node.address(begins="10.20.") == f"10.20.0.{node.spec.number}"
    assert "sent" in (cluster.folder / "lan0.dhcp.log").read_text()


def test_disk_processors_memory_and_cards(make_cluster):
    cluster = make_cluster([{}, {"disk": 64, "cpus": 2, "memory": 512, "nics": ["lan0", "lan1", "lan1"]}])
    plain, rich = cluster.nodes
    assert plain.succeed("nproc").strip() == "1"
    assert rich.succeed("nproc").strip() == "2"
    assert 400 < int(rich.succeed("awk '/MemTotal/ { print $2 }' /proc/meminfo")) / 1024 < 512
    assert rich.succeed("cat /sys/block/vda/size").strip() == str(64 * 2048)
    assert [rich.interface(nic) for nic in range(3)] == ["eth0", "eth1", "eth2"]
    # A disk keeps what is on it through a power cut; memory does not.
    rich.succeed("echo kept > /dev/vda && sync && echo lost > /tmp/x")
    rich.kill()
    rich.start()
    rich.wait_ready()
    assert rich.succeed("head -c 4 /dev/vda") == "kept"
    rich.fail("test -e /tmp/x")


@pytest.mark.parametrize("network", ["hub", "bridge"])
def test_lans_are_apart(make_cluster, network):
    """node1 is on lan0, node2 on lan1, node3 on both."""
    one, two, three = make_cluster([{"nics": ["lan0"]}, {"nics": ["lan1"]}, {"nics": ["lan0", "lan1"]}],
                                   network=network, dhcp=True).nodes
    assert one.address(begins="10.20.") == "10.20.0.1"
    assert two.address(begins="10.21.") == "10.21.0.2"
    assert three.address(0, begins="10.20.") == "10.20.0.3"
    assert three.address(1, begins="10.21.") == "10.21.0.3"
    retry(lambda: one.execute("ping -c 1 -W 2 10.20.0.3").status == 0, 20, "lan0")
    retry(lambda: two.execute("ping -c 1 -W 2 10.21.0.3").status == 0, 20, "lan1")
    one.succeed("ip route add 10.21.0.0/16 dev eth0")
    one.fail("ping -c 2 -W 1 10.21.0.2")


def test_a_bridge_has_no_faults(make_cluster):
    cluster = make_cluster(2, network="bridge", dhcp=True)
    one, two = cluster.nodes
    one.address(begins="10.20.")
    one.succeed(f"ping -c 1 -W 5 {two.address(begins='10.20.')}")
    with pytest.raises(UsageError, match="network='hub'"):
        cluster.cut(one, two)


def test_nothing_leaves_the_cluster(make_cluster):
    """The host's own addresses cannot be reached, nor is there a way out."""
    cluster = make_cluster(1, dhcp=True)
    node = cluster.nodes[0]
    node.address()
    assert "default" not in node.succeed("ip route")
    links = cluster.lans["lan0"].space.run("ip", "-o", "link")
    names = {line.split()[1].rstrip(":") for line in links.splitlines()}
    assert names == {"lo", "lan0"}
    assert cluster.lans["lan0"].space.run("ip", "route", "show", "default") == ""
