# SPDX-License-Identifier: GPL-2.0-only
"""A node's serial console: its log, waiting for text, and finding kernel reports.

A report is what a kernel prints when something is wrong with itself. A test
fails on any, even if all it asserted came true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .timing import retry

# printk's time stamp, with the caller that CONFIG_PRINTK_CALLER adds. Programs
# may write "WARNING:" to the console; only the kernel writes it after one.
STAMP = r"^\[\s*\d+\.\d{6}\](?:\[\s*[TC]\d+\])? "

_RULES: tuple[tuple[str, str], ...] = (
    ("panic", r"Kernel panic - not syncing"),
    ("kasan", STAMP + r"BUG: (?:KASAN|KFENCE|KMSAN|KCSAN): "),
    ("lockup", STAMP + r"(?:watchdog: )?BUG: (?:soft|hard) lockup|NMI watchdog: .*lockup"),
    ("sleep", STAMP + r"BUG: (?:sleeping function called|scheduling while atomic)"),
    ("bug", STAMP + r"(?:------------\[ )?(?:kernel )?BUG(?: at |: )"),
    ("oops", STAMP + r"(?:Oops(?::| )|general protection fault[,:]|Unable to handle kernel "
             r"|(?:double|stack) fault:|traps: PANIC)"),
    ("lockdep", STAMP + r"(?:WARNING: (?:possible (?:circular|recursive|irq lock inversion)"
                r"|inconsistent lock state|bad unlock balance|suspicious RCU usage"
                r"|.*HARDIRQ|.*SOFTIRQ|Nested lock|held lock freed)"
                r"|INFO: (?:possible recursive locking|trying to register non-static key"
                r"|lockdep is turned off)|turning off the locking correctness validator"
                r"|DEBUG_LOCKS_WARN_ON|\[ (?:BUG|INFO): )"),
    ("warning", STAMP + r"WARNING: "),
    ("refcount", r"refcount_t: (?:underflow|overflow|addition on 0|saturated|decrement hit 0)"),
    ("list", r"list_(?:add|del) corruption|(?:slab|page) (?:corruption|allocation failure)"),
    ("ubsan", STAMP + r"UBSAN: "),
    ("kmemleak", STAMP + r"(?:kmemleak: \d+ new suspected memory leaks|unreferenced object 0x)"),
    ("hung", STAMP + r"INFO: task .* blocked for more than \d+ seconds"),
    ("rcu", STAMP + r"(?:rcu: )?INFO: rcu\S* (?:self-)?detected (?:expedited )?stall"
            r"|rcu: .*(?:self-)?detected (?:expedited )?stall|rcu: .*kthread starved"),
)
RULES = tuple((kind, re.compile(pattern)) for kind, pattern in _RULES)
CONTEXT_LINES = 30


@dataclass(frozen=True)
class Report:
    """A kernel report: its kind, the line it starts with (counted from 1), and what follows."""
    kind: str
    line: int
    text: str

    @property
    def headline(self) -> str:
        return self.text.splitlines()[0]


def _kind(line: str) -> str | None:
    return next((kind for kind, rule in RULES if rule.search(line)), None)


def scan(log: str) -> list[Report]:
    """All reports in a console log, in order. Lines that belong to one report, up to
    the end of its trace, start no other; several of the same kind count each."""
    lines = [line.rstrip("\r") for line in log.split("\n")]
    reports = []
    quiet_until = 0
    for index, line in enumerate(lines):
        kind = _kind(line)
        if not kind or index < quiet_until:
            continue
        end = min(index + CONTEXT_LINES, len(lines))
        for after in range(index + 1, end):
            if "---[ end " in lines[after]:
                end = after + 1
                break
        reports.append(Report(kind, index + 1, "\n".join(lines[index:end])))
        quiet_until = end if "---[ end " in lines[end - 1] else index + 1
    return reports


class Console:
    """The console's log file, which QEMU appends to. Positions are byte offsets."""

    def __init__(self, path: Path, name: str):
        self.path = path
        self.name = name

    def position(self) -> int:
        """Where the log ends now."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, since: int = 0) -> bytes:
        """The log from a position on."""
        try:
            with open(self.path, "rb") as log:
                log.seek(since)
                return log.read()
        except FileNotFoundError:
            return b""

    def text(self, since: int = 0) -> str:
        """The log from a position on, as text."""
        return self.read(since).decode(errors="replace")

    def wait_for(self, pattern: str, timeout: float, since: int = 0) -> re.Match[str]:
        """Waits until the log from `since` on matches the regular expression (lines
        end in \\n; ^ and $ match at each). Raises WaitTimeout with the last lines."""
        rule = re.compile(pattern, re.MULTILINE)
        return retry(lambda: rule.search(self.text(since).replace("\r", "")), timeout,
                     f"{self.name}: console text '{pattern}'",
                     seen=lambda: "\n".join(self.text(since).splitlines()[-15:]))
