# SPDX-License-Identifier: GPL-2.0-only
"""A node must stay small enough for the network to carry it quickly."""

import pytest

MIB = 1 << 20


@pytest.mark.parametrize("image, limit, remedy", [
    ("initramfs.cpio.zst", 16, "make node"),
    ("initramfs-hw.cpio.zst", 40, "make node HARDWARE=1"),
])
def test_kernel_and_initramfs_together(build, image, limit, remedy):
    kernel, initramfs = build / "kernel/base/bzImage", build / "node" / image
    for path, make in ((kernel, "make kernel"), (initramfs, remedy)):
        if not path.exists():
            pytest.skip(f"{path.name} is not built; '{make}' makes it")
    sizes = kernel.stat().st_size / MIB, initramfs.stat().st_size / MIB
    print(f"kernel {sizes[0]:.1f} MiB + {image} {sizes[1]:.1f} MiB, limit {limit} MiB")
    assert sum(sizes) <= limit
