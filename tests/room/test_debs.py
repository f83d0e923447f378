# SPDX-License-Identifier: GPL-2.0-only
"""An installed Debian becomes a node by our packages, in the same cluster as a node from a medium."""

import pytest
from menus import BUILD

pytestmark = pytest.mark.deadline(600)


def test_installed_and_joined(make_cluster, debs):
    debian, node = make_cluster([{"root": "debian"}, {"cmdline": "tessera.cluster=tessera"}],
                                discovery=True, dhcp=True).nodes
    assert debian.address() and node.address()
    names = []
    for deb in sorted(debs.glob("*.deb")):
        if deb.name.startswith(("tessera-node", "tessera-tools", "linux-image")):
            debian.copy_to(deb, f"/root/{deb.name}")
            names.append(f"/root/{deb.name}")
    assert len(names) == 3
    debian.succeed("systemctl stop hpcd omdiscd 2>/dev/null; rm -rf /usr/sbin/hpcd /usr/sbin/omdiscd /usr/bin/migrate"
                   " /etc/tessera")
    debian.fail("command -v omdiscd")
    debian.succeed("mkdir -p /etc/tessera")
    debian.copy_to(BUILD / "cluster.key", "/etc/tessera/cluster.key", 0o600)
    debian.succeed(f"dpkg -i {' '.join(names)}", timeout=180)
    debian.succeed("systemctl is-active hpcd omdiscd && dpkg --verify tessera-node tessera-tools")
    number = node.wait_until_succeeds("grep -vx 0 /proc/hpc/admin/mospe", timeout=30).strip()
    debian.wait_until_succeeds(f"test -d /proc/hpc/nodes/{number}", timeout=60)
    debian.succeed("sleep 300 & echo $! > /tmp/pid")
    debian.succeed(f"migrate $(cat /tmp/pid) {number}", timeout=60)
    assert debian.succeed("cat /proc/$(cat /tmp/pid)/where").strip() == number
    release = debian.succeed("uname -r").strip()
    debian.succeed(f"test -s /boot/vmlinuz-{release} && modinfo -k {release} r8169 >/dev/null")
    debian.succeed("apt-get -qq remove -y tessera-node || dpkg -r tessera-tools tessera-node")
    debian.wait_until_fails(f"test -d /proc/hpc/nodes/{number} && pidof omdiscd", timeout=30)
