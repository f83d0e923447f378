# SPDX-License-Identifier: GPL-2.0-only
"""tessera-serve on the cable itself: it runs on the host's end of the LAN of a cluster."""

import json
import subprocess
import tempfile
from pathlib import Path

from menus import BUILD, TOP
from tessera.timing import retry

# As in clusters that QEMU boots: an emulated processor that waits is no stall, and
# programs move when the test says so.
SERIAL = "console=tty0 console=ttyS0,115200 rcupdate.rcu_cpu_stall_timeout=60 hpc_stay=1"


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


def screen_text(node):
    """What a PC in text mode shows."""
    lines = node.qmp("human-monitor-command", **{"command-line": "xp /2000hx 0xb8000"})
    words = [int(word, 16) for line in lines.splitlines() for word in line.split(": ", 1)[1].split()]
    return "".join(chr(word & 0xff) for word in words)
