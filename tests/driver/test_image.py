# SPDX-License-Identifier: GPL-2.0-only
"""PPM to PNG."""

import struct
import zlib

import pytest

from tessera.image import png_size_and_data, ppm_to_png

PIXELS = bytes(range(2 * 3 * 3))  # 2 wide, 3 high
PPM = b"P6\n# a comment\n2 3\n255\n" + PIXELS


def test_pixels_survive(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(ppm_to_png(PPM))
    width, height, rows = png_size_and_data(path)
    assert (width, height) == (2, 3)
    assert rows == b"".join(b"\0" + PIXELS[i:i + 6] for i in (0, 6, 12))


def test_structure_is_that_of_a_png():
    png = ppm_to_png(PPM)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert png[8:16] == struct.pack(">I4s", 13, b"IHDR")
    assert png[16:29] == struct.pack(">IIBBBBB", 2, 3, 8, 2, 0, 0, 0)
    assert struct.unpack(">I", png[29:33])[0] == zlib.crc32(png[12:29])
    assert png.endswith(struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND")))


@pytest.mark.parametrize("bad", [b"", b"P5\n2 3\n255\n" + PIXELS, b"P6\n2 3\n65535\n" + PIXELS,
                                 PPM[:-1], PPM + b"x", b"P6\n0 3\n255\n", b"P6\n2 3"])
def test_other_files_are_refused(bad):
    with pytest.raises(ValueError):
        ppm_to_png(bad)


def test_damage_is_noticed(tmp_path):
    png = bytearray(ppm_to_png(PPM))
    png[45] ^= 1
    (tmp_path / "x.png").write_bytes(png)
    with pytest.raises(ValueError, match="damaged"):
        png_size_and_data(tmp_path / "x.png")
    (tmp_path / "y.png").write_bytes(PPM)
    with pytest.raises(ValueError, match="no PNG"):
        png_size_and_data(tmp_path / "y.png")
