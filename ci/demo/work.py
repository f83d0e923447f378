# SPDX-License-Identifier: GPL-2.0-only
"""The work: a scene rendered in tiles, and files that are compressed, each a process of its own
that is started on the first node; inside/ has what runs there."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessera.image import ppm_to_png
from tessera.machine import Node

INSIDE = Path(__file__).with_name("inside")
FOLDER = "/tmp/demo"
COLUMNS = 80  # of a node's first screen


@dataclass(frozen=True)
class Size:
    """How much work it is."""
    tiles: int
    width: int  # of the picture
    rows: int  # of a tile
    files: int
    file_kib: int

    def __str__(self) -> str:
        return (f"{self.tiles} tiles of a picture of {self.width} x {self.tiles * self.rows} by POV-Ray, "
                f"{self.files} files of {self.file_kib} KiB by xz")


@dataclass
class Look:
    """How it was at a moment, as the first node sees it."""
    where: dict[str, str]  # task: number of a node, 0 the first, or 'done'
    nodes: list[dict[str, Any]]
    info: dict[str, int]  # the engine's counters
    screen: list[str]  # of the first node

    def on(self, number: int, home: int) -> list[str]:
        wanted = {str(number), "0"} if number == home else {str(number)}
        return [task for task, where in self.where.items() if where in wanted]

    @property
    def spread(self) -> int:
        """How many nodes have a task."""
        return len(set(self.where.values()) - {"done"})

    @property
    def done(self) -> int:
        return sum(where == "done" for where in self.where.values())


@dataclass
class Round:
    """The work, done once."""
    seconds: float
    folder: str
    status: dict[str, int]
    sums: dict[str, str]
    most: int = 1  # nodes that had a task at one time
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    def counted(self, name: str) -> int:
        """How much one of the engine's counters rose."""
        return self.after[name] - self.before[name]


class Work:
    """On a node; `enter` is a command that runs another where the programs are, in the folder `root`."""

    def __init__(self, home: Node, size: Size, enter: str, root: str):
        self.home, self.size, self._enter = home, size, enter
        self._number = 0
        home.succeed(f"mkdir -p {FOLDER}")
        for path in sorted(INSIDE.iterdir()):
            home.copy_to(path, f"{FOLDER}/{path.name}")
        # Something that is neither all the same nor random: programs.
        size_all = size.files * size.file_kib << 10
        home.succeed(f"cat {root}/usr/lib/x86_64-linux-gnu/lib[a-d]*.so.* {root}/usr/bin/[g-p]* 2>/dev/null "
                     f"| head -c {size_all} > {FOLDER}/all && cd {FOLDER} && [ $(wc -c < all) = {size_all} ] && "
                     f"for i in $(seq {size.files}); do dd if=all of=data$i bs={size.file_kib}k skip=$((i - 1)) count=1 "
                     "2>/dev/null; done && rm all", timeout=300)

    @property
    def folder(self) -> str:
        return f"{FOLDER}/{self._number}"

    def begin(self) -> None:
        """Starts all tasks, and returns."""
        self._number += 1
        size = self.size
        self.home.succeed(
            f"setsid {self._enter} {FOLDER}/tasks.sh {self.folder} {size.tiles} {size.width} {size.rows} {size.files} "
            f"> {FOLDER}/said 2>&1 < /dev/null & until [ -e {self.folder}/begin ]; do sleep 0.1; done", timeout=60)

    def over(self) -> bool:
        return self.home.execute(["test", "-e", f"{self.folder}/end"]).status == 0

    def look(self) -> Look:
        done = self.home.execute([f"{FOLDER}/look.sh", self.folder], timeout=60)
        text = done.stdout_bytes.decode("utf-8", "replace")
        head, nodes, screen = re.fullmatch(r"((?:.*\n)*?)(\[.*\])\n([^\0]*)", text).groups()
        words = [line.split() for line in head.splitlines()]
        return Look(where={w[1]: w[2] for w in words if w[0] == "task"}, nodes=json.loads(nodes),
                    info={w[1]: int(w[2]) for w in words if w[0] == "info" and w[2].isdigit()},
                    screen=[screen[i:i + COLUMNS].rstrip() for i in range(0, len(screen), COLUMNS)])

    def info(self) -> dict[str, int]:
        text = self.home.succeed("cat /proc/hpc/info")
        return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", text, re.M)}

    def result(self) -> Round:
        """What came of it; it is over."""
        text = self.home.succeed(f"cd {self.folder}; cat begin end; for f in *.status; do echo ${{f%.status}} $(cat $f); done")
        begin, end, *rows = text.splitlines()
        # A picture's comments tell the time it took.
        sums = self.home.succeed(f"cd {self.folder}; for f in file*.out; do echo ${{f%.out}} $(sha256sum < $f); done; "
                                 "for f in tile*.ppm; do [ ! -e $f ] || echo ${f%.ppm} $(grep -av '^#' $f | sha256sum); done", timeout=120)
        return Round(seconds=float(end) - float(begin), folder=self.folder, status={n: int(v) for n, v in map(str.split, rows)},
                     sums={line.split()[0]: line.split()[1] for line in sums.splitlines()})

    def why(self, one: Round, task: str) -> str:
        """How a task ended, and its last words."""
        said = self.home.execute(f"tail -c 120 {one.folder}/{task}.said").stdout
        return f"{task}, status {one.status.get(task, 'none')}: {' '.join(said.split())}"

    def tasks(self) -> set[str]:
        return {f"tile{i}" for i in range(1, self.size.tiles + 1)} | {f"file{i}" for i in range(1, self.size.files + 1)}

    def picture(self, path: Path) -> None:
        """Puts the tiles together, as PNG."""
        width, rows, tiles = self.size.width, self.size.rows, self.size.tiles
        pixels = b""
        for i in range(tiles):
            data = self.home.read_file(f"{self.folder}/tile{i + 1}.ppm")[-width * rows * tiles * 3:]
            pixels += data[i * rows * width * 3:(i + 1) * rows * width * 3]
        path.write_bytes(ppm_to_png(b"P6\n%d %d\n255\n" % (width, rows * tiles) + pixels))


def different(one: Round, other: Round, tasks: set[str]) -> list[str]:
    """Tasks whose result is missing, failed, or not the same."""
    return sorted(task for task in tasks if other.status.get(task) != 0 or task not in one.sums
                  or one.sums[task] != other.sums.get(task))


def crowd(names: list[str]) -> str:
    """'2 tiles, 1 file'"""
    kinds = Counter(name.rstrip("0123456789") for name in names)
    return ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in sorted(kinds.items(), reverse=True)) or "-"
