# SPDX-License-Identifier: GPL-2.0-only
"""The images as the build left them, opened for looking inside; no machine is started."""

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TESSERA_BUILD", TOP / "build")).absolute()


@dataclass
class Entry:
    """One member of a cpio archive."""
    name: str
    mode: int
    owner: tuple
    time: int
    device: tuple
    data: bytes

    @property
    def is_file(self):
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self):
        return stat.S_ISLNK(self.mode)

    @property
    def permissions(self):
        return stat.S_IMODE(self.mode)


def read_cpio(data):
    """Members of a newc archive, in their order."""
    entries, at = [], 0
    while True:
        assert data[at:at + 6] == b"070701", f"no header at {at}"
        f = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name_end = at + 110 + f[11]
        name = data[at + 110:name_end - 1].decode()
        start = (name_end + 3) & ~3
        at = (start + f[6] + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries.append(Entry(name, f[1], (f[2], f[3]), f[5], (f[9], f[10]),
                             data[start:start + f[6]]))


def needed(path, remedy):
    if not path.exists():
        pytest.skip(f"'{path.relative_to(TOP)}' is not built; '{remedy}' makes it")
    return path


@pytest.fixture(scope="session")
def top():
    return TOP


@pytest.fixture(scope="session")
def build():
    return BUILD


@pytest.fixture(scope="session")
def initramfs():
    """The node image's members by name."""
    path = BUILD / "node" / "initramfs.cpio.zst"
    assert path.exists(), f"'{path}' does not exist; run 'make node'"
    data = subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
    return {entry.name: entry for entry in read_cpio(data)}


@pytest.fixture(scope="session")
def busybox():
    """The busybox that the node image carries; static, so it runs here as well."""
    return BUILD / "node" / "packages" / "bin" / "busybox"


@pytest.fixture(scope="session")
def squashfs():
    return needed(BUILD / "rootfs" / "debian.squashfs", "make rootfs")
