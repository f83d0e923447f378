# SPDX-License-Identifier: GPL-2.0-only
"""The rate of the host's time stamp counter.

An emulated processor reads the host's. A kernel that measures its rate while the host is
busy with something else can be wrong by any factor, and its clocks with it: so it is told.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import platform
import time

# rdtsc; shl $32,%rdx; or %rdx,%rax; ret
CODE = bytes.fromhex("0f3148c1e2204809d0c3")
QUICK = 20_000  # ns between two looks at the clock that nothing came between


@functools.cache
def khz() -> int:
    """Measured once, in a third of a second; 0 where it cannot be."""
    if platform.machine() != "x86_64":
        return 0
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    start = ctypes.c_char.from_buffer(page)
    read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(start))

    def look() -> tuple[int, int]:
        """Both at one moment, or the best of many tries."""
        best = None
        for _ in range(1000):
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
            ticks = read()
            gap = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - before
            if best is None or gap < best[0]:
                best = (gap, before + gap // 2, ticks)
            if gap < QUICK:
                break
        return best[1:]

    begun, first = look()
    time.sleep(0.3)
    ended, last = look()
    return round((last - first) * 1_000_000 / (ended - begun))
