# SPDX-License-Identifier: GPL-2.0-only
"""Screen shots: PPM, which every QEMU writes, to PNG."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (struct.pack(">I", len(body)) + kind + body
            + struct.pack(">I", zlib.crc32(kind + body)))


def ppm_to_png(ppm: bytes) -> bytes:
    """PNG of a binary PPM with 8 bits a channel. Raises ValueError."""
    match = re.match(rb"P6(?:\s|#[^\n]*\n)+(\d+)\s+(\d+)\s+255\s", ppm)
    if not match:
        raise ValueError("not a binary PPM with 255 levels")
    width, height = int(match[1]), int(match[2])
    pixels = ppm[match.end():]
    if not width or not height or len(pixels) != width * height * 3:
        raise ValueError(f"a PPM of {width}x{height} with {len(pixels)} bytes of pixels")
    stride = width * 3
    rows = b"".join(b"\0" + pixels[i:i + stride] for i in range(0, len(pixels), stride))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (PNG_MAGIC + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows))
            + _chunk(b"IEND", b""))


def png_size_and_data(path: Path) -> tuple[int, int, bytes]:
    """(width, height, filtered rows) of a PNG, its checksums verified. Raises ValueError."""
    data = path.read_bytes()
    if not data.startswith(PNG_MAGIC):
        raise ValueError(f"'{path}' is no PNG")
    at, size, packed = len(PNG_MAGIC), (0, 0), b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if zlib.crc32(kind + body) != struct.unpack_from(">I", data, at + 8 + length)[0]:
            raise ValueError(f"'{path}' has a damaged {kind.decode()} chunk")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    return size[0], size[1], zlib.decompress(packed)
