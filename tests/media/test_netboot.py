# SPDX-License-Identifier: GPL-2.0-only
"""PCs boot from tessera-serve over the network, with BIOS and with UEFI, and join.

Here tessera-serve runs on the cable itself; test_room.py has it on a live node.
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from conftest import BUILD, TOP, shot

from tessera.timing import retry

SERIAL = "console=tty0 console=ttyS0,115200"


class Served:
    def __init__(self, cluster, *options):
        lan = cluster.lans["lan0"]
        # dnsmasq, which is not root, reads there.
        self._folder = tempfile.TemporaryDirectory(prefix="serve")
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        key = folder / "key"
        key.write_text("a secret of this test\n")
        self.log = cluster.folder / "serve.log"
        self.run_folder = folder / "run"
        argv = [*lan.space.enter, str(TOP / "userland/serve/tessera-serve"), "-i", "lan0",
                "--payload", str(BUILD / "media/netboot"), "--run", str(self.run_folder),
                "--key-file", str(key), "--append", SERIAL, *options]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        retry(self._ready, 30, "tessera-serve is ready")

    def _ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return "ready:" in self.log.read_text()

    def machines(self):
        return json.loads((self.run_folder / "state.json").read_text())["machines"]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0, self.log.read_text()
        self._folder.cleanup()


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


def test_a_server_that_goes_away_while_it_sends(room, netboot):
    """The machine says so, goes on asking, and boots when the server is back."""
    cluster = room.power_on([{"boot": "pxe"}], memory=512, pxe_from_node=True)
    node, space = cluster.nodes[0], cluster.lans["lan0"].space
    served = Served(cluster)
    try:
        node.start()
        retry(lambda: any(m["state"].startswith("loading") and m["sent"] for m in served.machines()), 90,
              "that it loads", interval=0.02)
        space.run("ip", "link", "set", "lan0", "down")
        retry(lambda: "stopped sending" in screen_text(node), 90, "the message on the screen")
        assert "Is the machine that runs tessera-serve still on" in screen_text(node)
        node.screenshot(shot("pxe-server-gone"))
        space.run("ip", "link", "set", "lan0", "up")
        node.wait_ready(240)
    finally:
        served.stop()


def screen_text(node):
    """What a PC in text mode shows."""
    lines = node.qmp("human-monitor-command", **{"command-line": "xp /2000hx 0xb8000"})
    words = [int(word, 16) for line in lines.splitlines() for word in line.split(": ", 1)[1].split()]
    return "".join(chr(word & 0xff) for word in words)
