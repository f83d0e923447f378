# SPDX-License-Identifier: GPL-2.0-only
"""Where the build leaves what a cluster is made of, and who to ask when it is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import ClusterError, UsageError
from .process import search_path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
CLUSTERS = BUILD / "cluster"
KERNELS = ("base", "debug")


def existing(path: Path, what: str, remedy: str) -> Path:
    """The path, if there is something; else ClusterError that names the remedy."""
    if not path.exists():
        raise ClusterError(f"{what} '{path}' does not exist; run '{remedy}'")
    return path


def default_kernel() -> str:
    """'base', or what the variable KERNEL says, as for make."""
    return os.environ.get("KERNEL") or "base"


def kernel(name: str) -> Path:
    """The kernel 'base' or 'debug', or any bzImage by its path; '' is the default one."""
    name = name or default_kernel()
    override = os.environ.get("TESSERA_BZIMAGE")
    if name not in KERNELS:
        if "/" not in name:
            raise UsageError(f"'{name}' is no kernel: say base, debug or the path of a bzImage")
        return existing(Path(name), "kernel", "make kernel")
    if override:
        return existing(Path(override), "kernel (TESSERA_BZIMAGE)", "make kernel")
    return existing(BUILD / "kernel" / name / "bzImage", "kernel",
                    "make kernel node" if name == "base" else f"make kernel KERNEL={name}")


def initramfs() -> Path:
    return existing(BUILD / "node" / "initramfs.cpio.zst", "initramfs", "make kernel node")


def debian_root() -> Path:
    return existing(BUILD / "rootfs" / "debian.squashfs", "Debian root", "make rootfs")


def hub() -> Path:
    return existing(BUILD / "ci" / "hub", "hub", "make hub")


def netem() -> Path:
    """The program that sets netem in a node."""
    return existing(BUILD / "ci" / "netem", "program", "make hub")


def qemu() -> str:
    found = shutil.which("qemu-system-x86_64", path=search_path())
    if not found:
        raise ClusterError("'qemu-system-x86_64' is not installed (Debian package: "
                           "qemu-system-x86); run 'make deps'")
    return found


def tool(name: str, package: str) -> str:
    """A program's path. Raises ClusterError with its Debian package."""
    found = shutil.which(name, path=search_path())
    if not found:
        raise ClusterError(f"'{name}' is not installed (Debian package: {package}); "
                           "run 'make deps'")
    return found


def uefi() -> tuple[Path, Path]:
    """UEFI firmware: (code, template of the variables)."""
    folder = Path("/usr/share/OVMF")
    for suffix in ("_4M", ""):
        code, variables = folder / f"OVMF_CODE{suffix}.fd", folder / f"OVMF_VARS{suffix}.fd"
        if code.exists() and variables.exists():
            return code, variables
    raise ClusterError("UEFI firmware is not installed (Debian package: ovmf); run 'make deps'")
