# SPDX-License-Identifier: GPL-2.0-only
"""kernel/prepare: tarball + patches + our sources = tree, or a message and no tree.

Works on a "kernel" of four files, so that every way to fail can be tried.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import time

import pytest

ORIGINAL = "".join(f"line {n}\n" for n in range(1, 31))
PATCH = """\
Subject: change line 15

---
--- a/kernel/fork.c
+++ b/kernel/fork.c
@@ -12,7 +12,7 @@
 line 12
 line 13
 line 14
-line 15
+line fifteen
 line 16
 line 17
 line 18
"""


class Project:
    """A copy of the project's kernel/prepare with sources and patches of the test's own."""

    def __init__(self, folder, top):
        self.folder = folder
        self.tree = folder / "build/linux"
        self.tarball = folder / "linux-source.tar.xz"
        (folder / "kernel/hpc").mkdir(parents=True)
        (folder / "kernel/include/linux").mkdir(parents=True)
        (folder / "patches").mkdir()
        shutil.copy(top / "kernel/prepare", folder / "kernel/prepare")
        (folder / "kernel/hpc/main.c").write_text("engine\n")
        (folder / "kernel/include/linux/hpc.h").write_text("header\n")
        self.series("0001-fork.patch")
        self.patch(PATCH)
        self.pack(ORIGINAL)

    def series(self, *names):
        (self.folder / "patches/series").write_text("# why\n\n" + "".join(f"{n}\n" for n in names))

    def patch(self, text, name="0001-fork.patch"):
        (self.folder / "patches" / name).write_text(text)

    def pack(self, fork):
        source = self.folder / "linux-source-6.12"
        (source / "kernel").mkdir(parents=True, exist_ok=True)
        (source / "Kbuild").write_text("# kernel\n")
        (source / "Makefile").write_text("kernelversion:\n\t@echo 6.12.0\n")
        (source / "kernel/fork.c").write_text(fork)
        (source / "kernel/exit.c").write_text("exit\n")
        subprocess.run(["tar", "-cJf", self.tarball, "-C", self.folder, source.name], check=True)
        shutil.rmtree(source)

    def command(self):
        return [self.folder / "kernel/prepare", self.tarball, self.tree]

    def prepare(self, **environment):
        return subprocess.run(self.command(), cwd=self.folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=60,
                              env={**os.environ, "KERNEL_SHA256": "", **environment})

    def read(self, name):
        return (self.tree / name).read_text()

    def dates(self):
        return {p.relative_to(self.tree): p.stat().st_mtime_ns
                for p in self.tree.rglob("*") if p.is_file() and not p.name.startswith(".tessera")}


@pytest.fixture
def project(top, tmp_path):
    return Project(tmp_path, top)


def prepared(project):
    done = project.prepare()
    assert done.returncode == 0, done.stdout
    return project


def test_tree_is_made(project):
    prepared(project)
    assert "line fifteen" in project.read("kernel/fork.c")
    assert project.read("kernel/hpc/main.c") == "engine\n"
    assert project.read("include/linux/hpc.h") == "header\n"


def test_nothing_changed_nothing_written(project):
    before = prepared(project).dates()
    assert prepared(project).dates() == before


def test_only_what_changed_is_written(project):
    before = prepared(project).dates()
    (project.folder / "kernel/hpc/main.c").write_text("better engine\n")
    project.patch(PATCH.replace("fifteen", "XV"))
    after = prepared(project).dates()
    assert {str(n) for n in after if after[n] != before.get(n)} == {"kernel/fork.c", "kernel/hpc/main.c"}


def test_what_we_no_longer_have_goes(project):
    (project.folder / "kernel/hpc/old.c").write_text("old\n")
    prepared(project)
    (project.folder / "kernel/hpc/old.c").unlink()
    project.series()
    prepared(project)
    assert not (project.tree / "kernel/hpc/old.c").exists()
    assert project.read("kernel/fork.c") == ORIGINAL


def test_builds_in_the_tree_are_kept(project):
    prepared(project)
    (project.tree / "o-base").mkdir()
    (project.tree / "o-base/vmlinux").write_text("built")
    project.patch(PATCH.replace("fifteen", "XV"))
    prepared(project)
    assert project.read("o-base/vmlinux") == "built"


@pytest.mark.parametrize("find, replace, says", [
    # Which fuzz would forgive.
    pytest.param(" line 12\n", " line twelve\n", "kernel/fork.c", id="other-context"),
    pytest.param("-line 15\n", "-line 99\n", "kernel/fork.c", id="no-such-line"),
    pytest.param("fork.c", "spoon.c", "a file that is not there", id="no-such-file"),
])
def test_patch_that_does_not_apply_is_named(project, find, replace, says):
    prepared(project)
    before = project.dates()
    project.patch(PATCH.replace(find, replace).replace("fifteen", "XV"))
    done = project.prepare()
    assert done.returncode != 0
    assert f"patches/0001-fork.patch does not apply to {says}" in done.stdout
    # The tree is as it was, and the next run with a good patch makes it right.
    assert project.dates() == before
    project.patch(PATCH)
    prepared(project)
    assert "line fifteen" in project.read("kernel/fork.c")


def test_second_patch_is_blamed(project):
    project.series("0001-fork.patch", "0002-again.patch")
    project.patch(PATCH, "0002-again.patch")
    done = project.prepare()
    assert done.returncode != 0
    assert "patches/0002-again.patch does not apply" in done.stdout
    assert not project.tree.exists()


def test_series_names_a_patch_that_is_missing(project):
    project.series("0001-fork.patch", "0002-lost.patch")
    done = project.prepare()
    assert done.returncode != 0
    assert "0002-lost.patch" in done.stdout


def test_no_tarball(project):
    project.tarball.unlink()
    done = project.prepare()
    assert done.returncode != 0
    assert "linux-source.tar.xz' is missing" in done.stdout and "make deps" in done.stdout


def test_not_a_kernel(project):
    subprocess.run(["tar", "-cJf", project.tarball, "-C", project.folder, "patches"], check=True)
    done = project.prepare()
    assert done.returncode != 0
    assert "does not hold a kernel source tree" in done.stdout


def test_sha256(project):
    right = hashlib.sha256(project.tarball.read_bytes()).hexdigest()
    done = project.prepare(KERNEL_SHA256="0" * 64)
    assert done.returncode != 0
    assert "does not have the sha256" in done.stdout
    assert not project.tree.exists()
    assert project.prepare(KERNEL_SHA256=right).returncode == 0


def test_broken_tarball(project):
    data = project.tarball.read_bytes()
    project.tarball.write_bytes(data[:len(data) // 2])
    assert project.prepare().returncode != 0
    assert not project.tree.exists()
    project.tarball.write_bytes(data)
    prepared(project)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_run_recovers(project, number):
    prepared(project)
    project.patch(PATCH.replace("fifteen", "XV"))
    # A patch program that never ends: the run hangs in the middle of the series.
    shim = project.folder / "bin"
    shim.mkdir()
    (shim / "patch").write_text("#!/bin/sh\n: > half-way\nexec sleep 60\n")
    (shim / "patch").chmod(0o755)
    process = subprocess.Popen(project.command(), cwd=project.folder, start_new_session=True,
                               env={**os.environ, "PATH": f"{shim}:{os.environ['PATH']}"},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 20
    while not list(project.folder.rglob("half-way")):
        assert time.monotonic() < end, "the patch program was not started"
        time.sleep(0.02)
    os.killpg(process.pid, number)
    assert process.wait(timeout=20) != 0
    assert "line fifteen" in project.read("kernel/fork.c")
    prepared(project)
    assert "line XV" in project.read("kernel/fork.c")
    assert not list(project.tree.parent.glob("*.work"))
