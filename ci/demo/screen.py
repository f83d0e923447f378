# SPDX-License-Identifier: GPL-2.0-only
"""What is said and shown: steps as lines, the cluster as a block that is drawn again and again
on a terminal, and as a line where something changed elsewhere. All of it goes to the log as well."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Sequence

ANEW = 10  # s after which a line says the same again


class Screen:
    """`folder` is where log and pictures are kept."""

    def __init__(self, folder: Path):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self.terminal = sys.stdout.isatty()
        self._log = open(folder / "log", "w", encoding="utf-8")
        self._begin = time.monotonic()
        self._drawn = 0  # lines of the block that is on the terminal
        self._said, self._said_at = "", 0.0

    def seconds(self) -> float:
        return time.monotonic() - self._begin

    def _write(self, text: str) -> None:
        print(text, file=self._log, flush=True)
        print(text, flush=True)

    def step(self, text: str) -> None:
        """Something that was done, or is begun."""
        self._erase()
        self._write(f"{self.seconds():6.1f} s  {text}")

    def plain(self, *lines: str) -> None:
        """Lines as they are."""
        self._erase()
        for line in lines:
            self._write(line)

    def now(self, block: Sequence[str], line: str) -> None:
        """How it is now: the block where it can be drawn over, else the line if it is another."""
        if not self.terminal:
            if line != self._said or self.seconds() - self._said_at > ANEW:
                self._said, self._said_at = line, self.seconds()
                self._write(f"{self.seconds():6.1f} s    {line}")
            return
        self._erase()
        width, height = shutil.get_terminal_size()
        shown = [text[:width - 1] for text in block][:height - 2]
        print("\n".join(shown), flush=True)
        self._drawn = len(shown)
        if line != self._said:
            self._said = line
            print(f"{self.seconds():6.1f} s    {line}", file=self._log, flush=True)

    def _erase(self) -> None:
        if self._drawn:
            print(f"\x1b[{self._drawn}A\x1b[J", end="", flush=True)
        self._drawn = 0
