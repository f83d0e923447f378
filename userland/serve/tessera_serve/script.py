# SPDX-License-Identifier: GPL-2.0-only
"""What iPXE is told, and the cluster's key as an initramfs. Pure functions."""

from __future__ import annotations

MIN_MIB = 256  # of memory, for a compute node; measured, see docs/media.md

STUB = """\
#!ipxe
# The machine says who it is, and gets a script of its own.
set url {base}/machine.ipxe?mac=${{netX/mac}}&mem=${{memsize}}
:again
chain --timeout 10000 --replace ${{url}} ||
echo {base} does not answer. Is the machine that runs tessera-serve still on?
sleep 5
goto again
"""

MACHINE = """\
#!ipxe
echo
echo {title}, from {base}
kernel --timeout 20000 {base}/vmlinuz {words} || goto failed
initrd --timeout 20000 --name node {base}/node.cpio.zst || goto failed
{key}boot
:failed
echo
echo {base} stopped sending.
echo Is the machine that runs tessera-serve still on, and connected?
echo Trying again in 5 seconds.
imgfree
sleep 5
chain --timeout 10000 --replace {base}/boot.ipxe || goto failed
"""

KEY = "initrd --timeout 20000 --name key {base}/key/{token} || goto failed\n"

TOO_SMALL = """\
#!ipxe
echo
echo This machine has {have} MiB of memory; a Tessera node needs {need} MiB.
echo It is left alone; going on with the next boot device in 15 seconds.
sleep 15
exit 1
"""

REFUSED = """\
#!ipxe
echo
echo The card {mac} is not on the list of tessera-serve (--allow).
echo Going on with the next boot device in 15 seconds.
sleep 15
exit 1
"""


def stub(base: str) -> str:
    return STUB.format(base=base)


def machine(base: str, title: str, cluster: str, append: str, root: str, token: str) -> str:
    words = ["quiet", "initrd=node"] + (["initrd=key"] if token else [])
    words += [f"tessera.cluster={cluster}"] if cluster else []
    words += [f"tessera.root={root}"] if root else []
    words += ["BOOTIF=01-${netX/mac:hexhyp}"] + append.split()
    key = KEY.format(base=base, token=token) if token else ""
    return MACHINE.format(base=base, title=title, words=" ".join(words), key=key)


def too_small(have: int) -> str:
    return TOO_SMALL.format(have=have, need=MIN_MIB)


def refused(mac: str) -> str:
    return REFUSED.format(mac=mac)


def _member(name: str, mode: int, data: bytes, inode: int) -> bytes:
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def key_initramfs(secret: bytes) -> bytes:
    """The key where the node looks for it, as image/node/build-key makes it."""
    return (_member("etc", 0o040755, b"", 1) + _member("etc/tessera", 0o040755, b"", 2)
            + _member("etc/tessera/cluster.key", 0o100600, secret, 3) + _member("TRAILER!!!", 0, b"", 0))
