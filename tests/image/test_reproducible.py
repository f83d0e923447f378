# SPDX-License-Identifier: GPL-2.0-only
"""The same commit and packages give the same node image, whoever builds it and when."""

import hashlib
import os
import subprocess

from conftest import read_cpio


def build_image(top, build, target, umask, **environment):
    env = {**os.environ, "OUT": str(target), "SOURCE_DATE_EPOCH": "1700000000",
           "TESSERA_VERSION": "test", **environment}
    subprocess.run([top / "image/node/build-initramfs", build / "node/packages",
                    build / "userland"], check=True, env=env, umask=umask,
                   stderr=subprocess.PIPE)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def test_two_builds_are_identical(top, build, tmp_path):
    one = build_image(top, build, tmp_path / "one", 0o022, TZ="UTC", LC_ALL="C")
    other = build_image(top, build, tmp_path / "other-place", 0o077, TZ="Asia/Tokyo",
                        LC_ALL="C.UTF-8")
    assert one == other


def test_the_time_in_it_is_the_one_given(top, build, tmp_path):
    build_image(top, build, tmp_path / "image", 0o022)
    data = subprocess.run(["zstd", "-dcq", tmp_path / "image"], check=True,
                          stdout=subprocess.PIPE).stdout
    assert {entry.time for entry in read_cpio(data)} == {1700000000}
