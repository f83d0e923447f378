# SPDX-License-Identifier: GPL-2.0-only
"""What is in the Debian root: the programs asked for, no identity, no open door."""

import re
import subprocess

import pytest

# Debian's own set-user-id and set-group-id programs; one more would be a surprise.
KNOWN_SETUID = set("""chage chfn chsh expiry gpasswd mount newgrp passwd ssh-agent ssh-keysign su umount
                      unix_chkpwd utempter wall""".split())


@pytest.fixture(scope="module")
def listing(squashfs):
    """{path: mode string} of the whole root."""
    out = subprocess.run(["unsquashfs", "-lln", squashfs], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    found = {}
    for line in out.splitlines():
        match = re.match(r"(\S{10}) .*? squashfs-root(/.*?)?(?: -> .*)?$", line)
        if match:
            found[match[2] or "/"] = match[1]
    assert len(found) > 5000
    return found


def content(squashfs, path):
    return subprocess.run(["unsquashfs", "-cat", squashfs, path], check=True,
                          stdout=subprocess.PIPE).stdout


def test_the_programs_tests_need_are_there(listing):
    wanted = """python3 gcc make perl xz bzip2 openssl sqlite3 bc povray gdb strace tmux less
                ip ping dhcpcd mpirun psql""".split()
    have = {path.rsplit("/", 1)[1] for path in listing if re.match(r"/usr/s?bin/", path)}
    assert set(wanted) - have == set()


def test_no_surprising_setuid_programs(listing):
    special = {path.rsplit("/", 1)[1] for path, mode in listing.items()
               if mode[0] == "-" and ("s" in mode or "S" in mode)}
    assert special - KNOWN_SETUID == set()


def test_it_has_no_identity(squashfs, listing):
    assert content(squashfs, "etc/machine-id") == b""
    assert "/etc/hostname" not in listing
    assert not [path for path in listing if re.match(r"/etc/ssh/ssh_host_.*key|/etc/ssl/private/.", path)]
    assert not [path for path in listing if re.match(r"/(var/lib|etc)/postgresql/\d+/.", path)]


def test_no_password_opens_it(squashfs):
    for line in content(squashfs, "etc/shadow").decode().splitlines():
        user, password = line.split(":")[:2]
        assert password.startswith(("!", "*")), f"{user} has a password"


def test_only_our_services_are_enabled(listing):
    """What else is wanted by a target in /etc is masked, or does nothing."""
    wanted = {path.rsplit("/", 1)[1] for path in listing
              if re.match(r"/etc/systemd/system/[\w.-]+\.wants/.", path)}
    masked = {path.rsplit("/", 1)[1] for path, mode in listing.items()
              if re.match(r"/etc/systemd/system/[^/]+$", path) and mode[0] == "l"}
    assert wanted - masked == {"tessera-network.service", "remote-fs.target"}


def test_it_is_lean(listing):
    assert not [path for path in listing if re.match(r"/usr/share/(man|info)/.+", path)]
    assert not [path for path in listing if re.match(r"/var/cache/apt/archives/.*\.deb", path)]
    assert not [path for path in listing if re.match(r"/usr/share/locale/\w+/", path)]
    licences = [path for path in listing if re.match(r"/usr/share/doc/.+/copyright", path)]
    assert len(licences) > 100


def test_build_settings_of_the_host_are_gone(squashfs, listing):
    assert "/etc/apt/apt.conf.d/00build-host" not in listing
    assert "/usr/sbin/policy-rc.d" not in listing
    assert content(squashfs, "etc/resolv.conf") == b""
