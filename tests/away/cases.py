# SPDX-License-Identifier: GPL-2.0-only
"""The cases there are, and what the driver says of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from tessera.artifacts import BUILD, existing

HERE = Path(__file__).parent
PROGRAMS = BUILD / "tests" / "away"
NAMES = sorted(path.stem for path in (HERE / "cases").glob("*.c")
               if not path.name.endswith(".plugin.c"))
RESULT = re.compile(r"^(not )?ok \d+ - (\S+)(?: # SKIP (.*))?$")


@dataclass
class Outcome:
    """What a line of TAP, and the remarks after it, say of a case."""
    passed: bool
    skipped: str = ""
    remarks: list[str] = field(default_factory=list)


def program(name: str) -> Path:
    return existing(PROGRAMS / name, "program", "make away-programs")


def outcomes(tap: str) -> dict[str, Outcome]:
    """By the name of the case, with the remarks that follow its line."""
    found: dict[str, Outcome] = {}
    now = None
    for line in tap.splitlines():
        match = RESULT.match(line)
        if match:
            now = found[match[2]] = Outcome(not match[1], match[3] or "")
        elif line.startswith("#   ") and now:
            now.remarks.append(line[4:])
    return found
