# SPDX-License-Identifier: GPL-2.0-only
"""The table of system calls: how much of the interface a guest has away from home.

That no call is missing the compiler sees to: the table is made from the architecture's list.
"""

import re
from pathlib import Path

TABLE = Path(__file__).resolve().parents[2] / "kernel" / "hpc" / "calls.h"


def lines():
    """(class, call) of every line."""
    return re.findall(r"^(L|F|R|S|SR|G|H)\((sys_\w+)", TABLE.read_text(), re.MULTILINE)


def test_each_call_has_one_line():
    names = [name for _, name in lines()]
    assert len(names) == len(set(names))


def test_most_calls_do_not_need_to_go_home():
    away = [name for kind, name in lines() if kind != "H"]
    assert len(away) >= 250
    # What programs do all the time must be among them.
    for name in ("sys_read", "sys_write", "sys_openat", "sys_newfstatat", "sys_poll", "sys_mmap",
                 "sys_futex", "sys_rt_sigaction", "sys_wait4", "sys_clock_nanosleep"):
        assert name in away
