# SPDX-License-Identifier: GPL-2.0-only
"""config/need: a missing tool is named, with its package, before work is done."""

import os
import re
import shutil
import subprocess
import tempfile

import pytest


@pytest.fixture
def need(top, tmp_path):
    """config/need with a PATH that has nothing but what it needs itself."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "id", "awk", "dirname", "env"):
        (tools / tool).symlink_to(shutil.which(tool))
    # It looks into /usr/sbin and /sbin by itself; a copy does so in folders of the test.
    copy = tmp_path / "config"
    shutil.copytree(top / "config", copy, ignore=shutil.ignore_patterns("kernel"))
    script = (copy / "need").read_text()
    assert ":/usr/sbin:/sbin" in script
    (copy / "need").write_text(script.replace(":/usr/sbin:/sbin", ""))

    def call(*arguments, **options):
        return subprocess.run([copy / "need", *arguments], env={"PATH": str(tools)}, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, **options)
    return call


def test_nothing_missing(need):
    done = need("sh", "awk")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_missing_tools_are_all_named_with_their_packages(need):
    done = need("sh", "bison", "depmod", "ld")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "need: 'bison' is missing (Debian package: bison); run 'make deps'",
        "need: 'depmod' is missing (Debian package: kmod); run 'make deps'",
        "need: 'ld' is missing (Debian package: binutils); run 'make deps'",
    ]


def test_missing_file_is_named(need, tmp_path):
    assert "'/nowhere/OVMF.fd' is missing" in need("/nowhere/OVMF.fd").stderr
    (tmp_path / "there").touch()
    assert need(str(tmp_path / "there")).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming nobody needs root")
def test_not_root_is_said_at_once(need, tmp_path):
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == 0 and path != path.parent and path.name.startswith(("pytest", "test")):
            path.chmod(0o755)
    done = need("-r", "sh", user=65534, group=65534)
    assert done.returncode == 1
    assert "must run as root" in done.stderr
    assert need("-r", "sh").returncode == 0


def need_nobody(top):
    """Skips where this test cannot become nobody, or nobody cannot come here."""
    if os.geteuid():
        pytest.skip("becoming nobody needs root")
    if any(p.stat().st_mode & 0o5 != 0o5 for p in (top, *top.parents)):
        pytest.skip("the checkout is not everybody's to read")


def test_make_target_says_so_before_work_is_done(top):
    """`make rootfs` as nobody: one line, no work."""
    need_nobody(top)
    done = subprocess.run(["make", "-s", "rootfs", "B=build/tests/nobody"], cwd=top, user=65534, group=65534,
                          text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode
    assert "must run as root" in done.stdout
    assert "STAGE" not in done.stdout


def test_missing_packages_are_named_to_who_cannot_install_them(top):
    """`make deps` of a package that is not there, as nobody: its name and what to do."""
    need_nobody(top)
    with tempfile.NamedTemporaryFile("w") as wanted:
        wanted.write("coreutils\nno-such-package-of-ours # a word\n")
        wanted.flush()
        os.chmod(wanted.name, 0o644)
        done = subprocess.run(["config/install-packages", wanted.name], cwd=top, user=65534, group=65534,
                              text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 1
    assert "missing: no-such-package-of-ours\n" in done.stdout
    assert "make deps" in done.stdout


def test_list_of_packages_that_cannot_be_read_is_an_error(top):
    done = subprocess.run(["config/install-packages", "/nowhere"], cwd=top, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 1
    assert "/nowhere" in done.stdout


def tools_named_in(top):
    """Every tool some fragment or script asks config/need for."""
    named = set()
    for path in [top / "Makefile", *top.glob("*/*.mk"), *(top / "image").rglob("*"),
                 *(top / "rootfs").glob("*"), *(top / "ci").glob("*")]:
        if not path.is_file() or path.stat().st_size > 100000:
            continue
        text = path.read_text(errors="replace").replace("\\\n", " ")
        for line in re.findall(r"config/need((?:[ \t]+[-\w./+$()]+)+)", text):
            named.update(w for w in line.split() if re.fullmatch(r"[a-z][\w+]*(?:-\w+)*", w))
    return named


def test_every_tool_asked_for_has_a_package(top):
    lines = [line.split() for line in (top / "config/packages/tools.list").read_text().splitlines()
             if line.strip() and not line.startswith("#")]
    known = {line[0] for line in lines}
    assert all(len(line) == 2 for line in lines)
    named = tools_named_in(top)
    assert "make" not in named or "make" in known
    assert len(named) > 5
    assert not named - known


def test_every_package_of_the_tools_is_installed_by_make_deps(top):
    listed = {line.split("#")[0].strip()
              for line in (top / "config/packages/build.list").read_text().splitlines()}
    # Debian installs these on every machine, or build-essential does.
    given = {"coreutils", "tar", "perl", "make", "binutils", "util-linux", "sed", "findutils", "dpkg", "apt",
             "bash", "mount", "iproute2"}
    packages = {line.split()[1] for line in
                (top / "config/packages/tools.list").read_text().splitlines()
                if line.strip() and not line.startswith("#")}
    assert not packages - listed - given
