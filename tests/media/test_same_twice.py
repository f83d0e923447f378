# SPDX-License-Identifier: GPL-2.0-only
"""The same input gives the same image and the same packages, whoever makes them, and where."""

import hashlib
import os
import subprocess

import pytest
from menus import BUILD, TOP

PLACES = [("one", 0o022, {"TZ": "UTC", "LC_ALL": "C"}),
          ("another-place", 0o077, {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})]


def make(folder, umask, environment, *command):
    env = {**os.environ, "OUT": str(folder), "SOURCE_DATE_EPOCH": "1700000000", "TESSERA_VERSION": "test", **environment}
    done = subprocess.run([str(word) for word in command], env=env, umask=umask, cwd=TOP, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.iterdir()) if path.is_file() and path.name != "summary"}


def needed(*names):
    for name in names:
        if not (BUILD / name).exists():
            pytest.skip(f"'{BUILD / name}' is not built; 'make iso-test debs' makes it")


def test_iso_image(tmp_path):
    needed("media/packages", "media/netboot", "node/key.cpio.zst")
    made = [make(tmp_path / name, umask, environment, "image/iso/build-iso", BUILD / "media/packages",
                 BUILD / "media/netboot", "lab", "", BUILD / "node/key.cpio.zst", "")
            for name, umask, environment in PLACES]
    assert made[0] == made[1] and "tessera.iso" in made[0]


def test_what_differs_is_said(tmp_path):
    """The image made before is looked at."""
    needed("media/packages", "media/netboot")
    words = ("image/iso/build-iso", BUILD / "media/packages", BUILD / "media/netboot")
    make(tmp_path / "iso", 0o022, {}, *words, "lab", "", "", "")
    make(tmp_path / "iso.work", 0o022, {}, *words, "lab", "", "", "")
    assert "identical to the image before, byte for byte" in (tmp_path / "iso.work/summary").read_text()
    subprocess.run(["rm", "-r", tmp_path / "iso.work"], check=True)
    make(tmp_path / "iso.work", 0o022, {}, *words, "other", "", "", "")
    said = (tmp_path / "iso.work/summary").read_text()
    assert "differs from the image before in:" in said and "grub.cfg" in said and "vmlinuz" not in said


def test_packages(tmp_path):
    needed("kernel/base/modules", "media/netboot", "media/installed")
    made = [make(tmp_path / name, umask, environment, "image/debs/build-debs", BUILD / "kernel/base",
                 BUILD / "media/installed", BUILD / "media/netboot")
            for name, umask, environment in PLACES]
    assert made[0] == made[1] and len(made[0]) == 5


def test_packages_of_ours_say_what_they_need(tmp_path):
    debs = sorted((BUILD / "media/debs").glob("*.deb"))
    if not debs:
        pytest.skip("no packages are built; 'make debs' makes them")
    fields = {}
    for deb in debs:
        name, depends = subprocess.run(["dpkg-deb", "-W", "--showformat=${Package}\t${Depends}", deb],
                                       capture_output=True, text=True, check=True).stdout.split("\t")
        fields[name] = depends
        files = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True).stdout
        assert f"./usr/share/doc/{name}/copyright" in files
        assert all(line.split()[1] == "root/root" for line in files.splitlines())
    assert "libsodium23" in fields["tessera-node"] and "libc6 (>= 2." in fields["tessera-tools"]
    assert "dnsmasq-base" in fields["tessera-serve"] and "tessera-netboot" in fields["tessera-serve"]
