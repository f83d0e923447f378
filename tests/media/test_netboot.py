# SPDX-License-Identifier: GPL-2.0-only
"""PCs boot from tessera-serve over the network, with BIOS and with UEFI, and join.

Here tessera-serve runs on the cable itself; tests/room has it on a live node.
"""

import time

import pytest
from menus import BUILD, shot
from served import Served


@pytest.fixture
def netboot():
    if not (BUILD / "media/netboot/vmlinuz").exists():
        pytest.skip("there is nothing to boot from the network; 'make netboot' makes it")


def test_bios_and_uefi_boot_and_join(room, netboot):
    cluster = room.power_on([{"boot": "pxe"}, {"boot": "pxe", "firmware": "uefi"}], memory=512, pxe_from_node=True)
    served = Served(cluster)
    try:
        begin = time.monotonic()
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes:
            node.wait_ready(240)
            print(f"{node.spec.firmware}: prompt {time.monotonic() - begin:.1f} s after power-on")
            node.screenshot(shot(f"pxe-{node.spec.firmware}"))
        bios, uefi = cluster.nodes
        bios.fail("test -d /sys/firmware/efi")
        uefi.succeed("test -d /sys/firmware/efi")
        for node in cluster.nodes:
            assert node.address().startswith("10.20.")
            assert node.succeed("cat /etc/tessera/cluster.key") == "a secret of this test\n"
            assert "BOOTIF=01-52-54-00" in node.succeed("cat /proc/cmdline")
        for node, other in ((bios, uefi), (uefi, bios)):
            number = other.succeed("cat /proc/hpc/admin/mospe").strip()
            node.wait_until_succeeds(f"test -d /proc/hpc/nodes/{number}", timeout=60)
        machines = {m["mac"]: m for m in served.machines()}
        for node in cluster.nodes:
            machine = machines[node.spec.ports()[0][1].mac]
            assert machine["key"] and machine["ip"] == node.address()
        assert "UEFI 64" in {m["kind"] for m in machines.values()}
    finally:
        served.stop()
