# SPDX-License-Identifier: GPL-2.0-only
"""What loaders are told, and the cluster's key as an initramfs. Pure functions."""

from __future__ import annotations

import gzip

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


# 32-bit UEFI has GRUB, which reads this by TFTP.
GRUB_STUB = """\
echo "Tessera: asking $net_default_server what to boot"
configfile (http,$net_default_server{port})/machine.grub?mac=$net_default_mac
echo "$net_default_server does not answer. Is the machine that runs tessera-serve still on?"
sleep 10
reboot
"""

GRUB_MACHINE = """\
echo "{title}, from {server}"
linux (http,{server})/vmlinuz {words}
initrd (http,{server})/node.cpio.zst{key}
boot
echo "{server} stopped sending. Is the machine that runs tessera-serve still on, and connected?"
sleep 10
reboot
"""

GRUB_SAY = 'echo "{text}"\nsleep 15\nexit\n'


def stub(base: str) -> str:
    return STUB.format(base=base)


def kernel_words(cluster: str, append: str, root: str) -> list[str]:
    words = [f"tessera.cluster={cluster}"] if cluster else []
    words += [f"tessera.root={root}"] if root else []
    return ["quiet", *words, *append.split()]


def machine(base: str, title: str, words: list[str], token: str) -> str:
    loader = ["initrd=node"] + (["initrd=key"] if token else []) + ["BOOTIF=01-${netX/mac:hexhyp}"]
    key = KEY.format(base=base, token=token) if token else ""
    return MACHINE.format(base=base, title=title, words=" ".join(loader + words), key=key)


def too_small(have: int) -> str:
    return TOO_SMALL.format(have=have, need=MIN_MIB)


def refused(mac: str) -> str:
    return REFUSED.format(mac=mac)


def grub_stub(port: int) -> str:
    return GRUB_STUB.format(port="" if port == 80 else f":{port}")


def grub_machine(base: str, mac: str, title: str, words: list[str], token: str) -> str:
    server = base.removeprefix("http://")
    bootif = "BOOTIF=01-" + mac.replace(":", "-")
    return GRUB_MACHINE.format(server=server, title=title, words=" ".join([bootif, *words]),
                               key=f" (http,{server})/key/{token}" if token else "")


def grub_refused(mac: str) -> str:
    return GRUB_SAY.format(text=f"The card {mac} is not on the list of tessera-serve (--allow).")


def _member(name: str, mode: int, data: bytes, inode: int) -> bytes:
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def key_initramfs(secret: bytes) -> bytes:
    """The key where the node looks for it. Compressed, since UEFI joins initramfs without
    padding, and the kernel takes one that is not compressed at multiples of four only."""
    archive = (_member("etc", 0o040755, b"", 1) + _member("etc/tessera", 0o040755, b"", 2)
            + _member("etc/tessera/cluster.key", 0o100600, secret, 3) + _member("TRAILER!!!", 0, b"", 0))
    return gzip.compress(archive, mtime=0)
