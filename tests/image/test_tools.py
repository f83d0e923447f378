# SPDX-License-Identifier: GPL-2.0-only
"""The image builders' own tools: what they refuse, and what they say then."""

import os
import subprocess

import pytest

from conftest import read_cpio


def run(*command, **environment):
    return subprocess.run([str(word) for word in command], env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)


def pack(top, root, *modes):
    done = run(top / "image/pack-cpio", root, 1234, *modes)
    return done.returncode, done.stderr.decode(), done.stdout


def test_pack_keeps_content_and_normalises_the_rest(top, tmp_path):
    (tmp_path / "dev").mkdir(mode=0o700)
    (tmp_path / "odd").write_bytes(b"12345")
    (tmp_path / "odd").chmod(0o4751)
    (tmp_path / "link").symlink_to("/elsewhere")
    (tmp_path / "secret").mkdir()
    status, _, data = pack(top, tmp_path, "secret=0700")
    entries = {entry.name: entry for entry in read_cpio(data)}
    assert status == 0
    assert list(entries) == ["dev", "dev/console", "link", "odd", "secret"]
    assert entries["odd"].data == b"12345" and entries["odd"].permissions == 0o755
    assert entries["link"].is_link and entries["link"].data == b"/elsewhere"
    assert entries["secret"].permissions == 0o700
    assert {entry.time for entry in entries.values()} == {1234}


def test_pack_is_what_cpio_reads(top, tmp_path):
    root = tmp_path / "root"
    (root / "dev").mkdir(parents=True)
    (root / "a").write_bytes(b"x" * 4097)
    (tmp_path / "archive").write_bytes(pack(top, root)[2])
    with open(tmp_path / "archive", "rb") as archive:
        listing = subprocess.run(["cpio", "-itv", "--quiet"], stdin=archive, check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert [line.split()[-1] for line in listing] == ["a", "dev", "dev/console"]
    assert " 4097 " in listing[0] and "5,   1" in listing[2]


def test_pack_refuses_what_an_initramfs_cannot_have(top, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    status, said, _ = pack(top, tmp_path)
    assert status == 1 and "pipe' is no file, folder or link" in said
    status, said, _ = pack(top, tmp_path / "dev", "nowhere=0700")
    assert status == 1 and "'nowhere'" in said


@pytest.fixture
def fake_apt(tmp_path):
    """PATH with an apt-get that knows the repositories written to it."""
    def make(lines):
        program = tmp_path / "apt-get"
        program.write_text("#!/bin/sh\ncat <<'END'\n" + "".join(f"{line}\n" for line in lines) + "END\n")
        program.chmod(0o755)
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TESSERA_MIRROR": "",
                "TESSERA_SECURITY_MIRROR": ""}
    return make


def mirrors(top, **environment):
    done = run(top / "rootfs/mirrors", **environment)
    return done.returncode, done.stdout.decode().split(), done.stderr.decode()


def test_mirrors_are_those_of_apt(top, fake_apt):
    apt = fake_apt(["nodistro http://other.example/", "Debian http://a.example/debian/",
                    "Debian http://b.example/debian/", "Debian-Security http://s.example/sec/"])
    assert mirrors(top, **apt) == (0, ["http://a.example/debian", "http://s.example/sec"], "")


def test_mirrors_can_be_named(top, fake_apt):
    apt = fake_apt(["Debian http://a.example/debian/"])
    apt["TESSERA_SECURITY_MIRROR"] = "http://mine.example/sec"
    assert mirrors(top, **apt)[:2] == (0, ["http://a.example/debian", "http://mine.example/sec"])


def test_a_machine_without_debian_sources_is_told_what_to_set(top, fake_apt):
    status, _, said = mirrors(top, **fake_apt(["Ubuntu http://u.example/"]))
    assert status == 1 and "'Debian'" in said and "TESSERA_MIRROR=" in said


def test_apt_itself_gives_labels(top):
    """The real apt of this machine, which the fake ones above stand for."""
    status, found, said = mirrors(top, TESSERA_MIRROR="", TESSERA_SECURITY_MIRROR="")
    assert status == 0, said
    assert len(found) == 2 and all("://" in url and not url.endswith("/") for url in found)


def test_an_unknown_package_is_named_before_work_is_done(top, tmp_path):
    (tmp_path / "list").write_text("busybox-static # real\nno-such-package-at-all\n")
    done = run(top / "image/fetch-packages", "--wanted", tmp_path / "list")
    assert done.returncode != 0
    assert b"no-such-package-at-all" in done.stderr and b"apt-get update" in done.stderr


def test_a_missing_library_names_the_list_to_mend(top, build, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "tessera-agent").write_bytes((build / "node/packages/usr/sbin/dhcpcd").read_bytes())
    packages = tmp_path / "packages"
    subprocess.run(["cp", "-a", build / "node/packages", packages], check=True)
    for libc in packages.glob("usr/lib/x86_64-linux-gnu/libc.so.6"):
        libc.unlink()
    done = run(top / "image/node/build-initramfs", packages, programs, OUT=str(tmp_path / "out"),
               SOURCE_DATE_EPOCH="1", TESSERA_VERSION="test")
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert b"needs libc.so.6" in done.stderr and b"config/packages/node.list" in done.stderr
