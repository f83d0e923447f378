# SPDX-License-Identifier: GPL-2.0-only
"""A throw-away kernel tree, in which the patches are applied one after the other.

The tree stays between runs, with its objects, so that a second run compiles
little; every run begins by putting the files that patches touched back to what the
tarball had.  Two builds are in it, as the kernel's own makefiles want them, in
folders of the tree: o-off without CONFIG_HPC and o-on with it.  Both keep one and
the same path through all steps, so that objects can be compared byte by byte.
"""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

OVERLAY_FOLDERS = ("hpc",)
OFF, ON = "o-off", "o-on"


class StepFailed(Exception):
    """What a command said that failed."""


def run(*command, cwd=None, env=None):
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, text=True, check=False,
                          errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise StepFailed(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}")
    return done.stdout


def read_series(patches):
    lines = (line.split("#")[0].strip() for line in (patches / "series").read_text().splitlines())
    return [line for line in lines if line]


def touched_files(patch):
    """(changed, added) files of a patch."""
    changed, added = [], []
    old = None
    for line in patch.read_text().splitlines():
        if line.startswith("--- "):
            old = line[4:].split("\t")[0].strip()
        elif line.startswith("+++ ") and old is not None:
            name = line[4:].split("\t")[0].strip().split("/", 1)[1]
            (added if old == "/dev/null" else changed).append(name)
            old = None
    return changed, added


class PatchTree:
    def __init__(self, folder, top, tarball):
        self.folder, self.top, self.tarball = Path(folder), Path(top), Path(tarball)
        self.tree = self.folder / "linux"
        self.originals = self.folder / "originals"
        self.log = []

    # --- the tree --------------------------------------------------------------------

    def open(self):
        """Makes the tree what the tarball has, with our sources beside it but unused."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.folder / "lock", "w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        stat = self.tarball.stat()
        key = f"{self.tarball.resolve()} {stat.st_size} {stat.st_mtime_ns}\n"
        stamp = self.folder / "key"
        if not stamp.exists() or stamp.read_text() != key:
            self._unpack()
            stamp.write_text(key)
        self._restore()
        self._overlay()

    def _unpack(self):
        for folder in (self.tree, self.originals):
            shutil.rmtree(folder, ignore_errors=True)
        self.tree.mkdir()
        run("tar", "-xf", self.tarball, "-C", self.tree, "--strip-components=1",
            "--exclude=*/Documentation/translations", "--exclude=*/tools/testing")

    def _restore(self):
        for original in sorted(p for p in self.originals.rglob("*") if p.is_file()):
            self._replace(original, self.tree / original.relative_to(self.originals))
        added = self.folder / "added"
        for name in added.read_text().splitlines() if added.exists() else []:
            (self.tree / name).unlink(missing_ok=True)
        added.unlink(missing_ok=True)

    @staticmethod
    def _replace(source, target):
        """Only if it differs, and with a new date: make goes by dates."""
        if target.exists() and target.read_bytes() == source.read_bytes():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def _overlay(self):
        """Nothing refers to these files before the patches do."""
        kernel = self.top / "kernel"
        sources = {p: Path("kernel") / p.relative_to(kernel)
                   for folder in OVERLAY_FOLDERS for p in (kernel / folder).rglob("*")}
        sources.update({p: p.relative_to(kernel)
                        for folder in ("include", "arch") for p in (kernel / folder).rglob("*")})
        for source, name in sources.items():
            if source.is_file():
                self._replace(source, self.tree / name)

    def apply(self, patch):
        changed, added = touched_files(patch)
        for name in changed:
            kept = self.originals / name
            if (self.tree / name).exists() and not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.tree / name, kept)
        with open(self.folder / "added", "a") as f:
            f.writelines(f"{name}\n" for name in added)
        return run("patch", "-p1", "-F0", "-f", "--no-backup-if-mismatch", "-r", "-",
                   "-i", patch.resolve(), cwd=self.tree)

    # --- builds -------------------------------------------------------------------------

    def _make(self, build, *targets):
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        env.update(CCACHE_NOHASHDIR="1", LC_ALL="C.UTF-8")
        cc = "ccache gcc" if shutil.which("ccache") else "gcc"
        return run("make", "-s", f"-j{os.cpu_count()}", f"O={build}", "LOCALVERSION=", f"CC={cc}",
                   f"HOSTCC={cc}", "KBUILD_BUILD_TIMESTAMP=@0", "KBUILD_BUILD_USER=tessera",
                   "KBUILD_BUILD_HOST=tessera", *targets, cwd=self.tree, env=env)

    def configure(self, build):
        """base.config, on the tree as it is; CONFIG_HPC as the folder's name says."""
        lines = (self.top / "config/kernel/base.config").read_text().splitlines()
        fragment = self.folder / f"{build}.config"
        fragment.write_text("".join(
            f"{line}\n" for line in lines if not re.match(r"(# )?CONFIG_HPC(_\w+)?\b", line)) +
            ("CONFIG_HPC=y\n" if build == ON else ""))
        run("kernel/configure", *(p.relative_to(self.top) for p in
                                  (self.tree, self.tree / build, fragment)), cwd=self.top)

    def has_config_hpc(self, build):
        return "CONFIG_HPC=y" in (self.tree / build / ".config").read_text().splitlines()

    def compile(self, build, sources):
        # make without a target would make the whole kernel.
        if sources:
            self._make(build, *(str(Path(s).with_suffix(".o")) for s in sorted(sources)))

    def code(self, build, source):
        """Disassembly of all code of an object, with what its relocations point to.

        No normalisation: paths are the same in both builds, and line numbers (of
        WARN() and the like) are data in sections of their own.
        """
        obj = self.tree / build / Path(source).with_suffix(".o")
        text = run("objdump", "-dr", obj)
        return text.split("\n", 3)[3]
