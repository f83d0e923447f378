# SPDX-License-Identifier: GPL-2.0-only
"""What the live flavour carries: not too much, no secret, no password, and the tools."""

import subprocess

import pytest
from conftest import built
from menus import BUILD

MIB = 1 << 20
PROGRAMS = ("python3", "gcc", "g++", "make", "povray", "mpirun", "tmux", "ssh", "sudo", "dnsmasq", "migrate",
            "showmap", "mosmon", "tessera-serve", "omdiscd", "hpcd")


@pytest.fixture(scope="session")
def live():
    return built(BUILD / "rootfs" / "live.squashfs", "make live")


@pytest.fixture(scope="session")
def names(live):
    out = subprocess.run(["unsquashfs", "-l", "-d", "", live], capture_output=True, text=True, check=True).stdout
    return set(out.splitlines())


def read(live, name):
    return subprocess.run(["unsquashfs", "-cat", live, name], capture_output=True, text=True, check=True).stdout


def test_sizes(iso, live):
    print(f"ISO {iso.stat().st_size / MIB:.0f} MiB, Debian {live.stat().st_size / MIB:.0f} MiB")
    assert iso.stat().st_size <= 700 * MIB
    node = sum((BUILD / "media/netboot" / name).stat().st_size for name in ("vmlinuz", "node.cpio.zst"))
    assert node <= 40 * MIB


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(names, program):
    assert {f"/usr/bin/{program}", f"/usr/sbin/{program}"} & names


def test_no_password_opens_it(live):
    for line in read(live, "etc/shadow").splitlines():
        assert line.split(":")[1] in ("*", "!", "!*", "!!"), line
    assert "tessera:" in read(live, "etc/passwd")
    settings = read(live, "etc/ssh/sshd_config.d/tessera.conf")
    assert "PasswordAuthentication no" in settings and "PermitRootLogin no" in settings


def test_no_identity_and_no_secret(live, names):
    assert read(live, "etc/machine-id") == ""
    assert not [name for name in names if "ssh_host_" in name or name.endswith("cluster.key")]
    assert "/etc/resolv.conf" not in names or read(live, "etc/resolv.conf") == ""


def test_our_manuals_are_there(names):
    for page in ("man1/migrate.1", "man8/tessera-serve.8", "man8/omdiscd.8"):
        assert f"/usr/share/man/{page}.gz" in names
