# SPDX-License-Identifier: GPL-2.0-only
"""What happens: the work alone, the work on the cluster, and again while nodes go and come."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Callable

from tessera.errors import ClusterError
from tessera.machine import Node
from tessera.timing import Deadline, retry

from .rooms import NAME, Room
from .screen import Screen
from .work import Look, Round, Work, crowd, different

ROUND = 900  # s in which the work is done, on a host that has other things to do as well
EVERY = 3  # s between two looks: looking is work, too
GONE = 60  # s in which it is noticed that a node is off


@dataclass
class Verdict:
    """What is wrong; nothing, if all is well."""
    wrong: list[str] = field(default_factory=list)

    def check(self, good: bool, text: str) -> None:
        if not good:
            self.wrong.append(text)


class Story:
    """Told once."""

    def __init__(self, room: Room, screen: Screen):
        self.room, self.screen = room, screen
        self.work: Work
        self.moves, self.load = 0, 0.0
        self.verdict = Verdict()

    def tell(self) -> bool:
        """True: nothing was lost."""
        room, step = self.room, self.screen.step
        room.begin()
        step(f"{len(room.on)} nodes have found each other")
        self.work = room.work()
        step(f"the work: {room.size}")

        for node in room.on:
            node.succeed("mosctl stay")
        step("first alone: the balancer is off, so all stays on the first node")
        alone = self.round("1-alone")
        step(f"done in {alone.seconds:.1f} s")

        for node in room.on:
            node.succeed("mosctl nostay")
        step("again, and now the balancer is on")
        spread = self.round("2-spread")
        step(f"done in {spread.seconds:.1f} s")

        step("once more, while nodes go and come")
        third = self.comings_and_goings()
        step(f"done in {third[-1].seconds:.1f} s")
        self.work.picture(self.screen.folder / "picture.png")

        self.judge(alone, [spread, *third])
        self.table(alone, spread, third)
        return not self.verdict.wrong

    # -- the work --------------------------------------------------------

    def round(self, name: str) -> Round:
        """The work from its begin to its end."""
        before = self.begin_round()
        return self.end_round(name, before)

    def begin_round(self) -> dict[str, int]:
        before = self.work.info()
        self.work.begin()
        return before

    def end_round(self, name: str, before: dict[str, int]) -> Round:
        most = self.watch(name, self.work.over)
        self.load = max(self.load, os.getloadavg()[0])
        done = self.work.result()
        done.most, done.before, done.after = most, before, self.work.info()
        return done

    def watch(self, name: str, until: Callable[[], bool], seconds: float = ROUND) -> int:
        """Shows how it goes until something is so; keeps the screen with most nodes at work."""
        deadline, most = Deadline(seconds), 1
        while not until():
            if deadline.passed:
                raise ClusterError(f"not done within {deadline.seconds:g} s: {self.work.look().where}")
            look = self.work.look()
            self.show(look)
            if look.spread >= most and look.done < len(look.where):
                most = look.spread
                self.keep(name, look)
            time.sleep(EVERY)
        return most

    def show(self, look: Look) -> None:
        rows, parts = [], []
        for node in self.room.on:
            if node.name not in self.room.numbers:
                continue
            number = self.room.number(node)
            known = next((n for n in look.nodes if n["node"] == number), {})
            here = look.on(number, self.room.number(self.room.home))
            rows.append(f"  node {number:<4} {known.get('state', '-'):8} load {known.get('load', 0) / 100:5.2f}   "
                        f"{' '.join(here) or '-'}")
            parts.append(f"node {number}: {crowd(here)}")
        parts.append(f"done: {look.done}")
        rows.append(f"  done        {look.done} of {len(self.work.tasks())}; moves so far: {look.info.get('moved', 0)}")
        self.screen.now([*look.screen[:-1], *rows], "; ".join(parts))

    def keep(self, name: str, look: Look) -> None:
        """The first node's screen, as picture and as text."""
        self.room.home.screenshot(self.screen.folder / f"{name}.png")
        (self.screen.folder / f"{name}.txt").write_text("\n".join(look.screen).rstrip() + "\n", encoding="utf-8")

    # -- nodes go and come -------------------------------------------------

    def comings_and_goings(self) -> list[Round]:
        """The work, done until all of it has happened."""
        room, step, rounds = self.room, self.screen.step, []
        leaver, late = room.helpers[-1], room.late
        before = self.begin_round()

        def go_on(name: str, until: Callable[[], bool]) -> None:
            """Works until it is so, from the beginning if it has come to its end."""
            nonlocal before
            while not until():
                self.watch(name, lambda: until() or self.work.over())
                if not until():
                    rounds.append(self.end_round(name, before))
                    step(f"done in {rounds[-1].seconds:.1f} s, and again")
                    before = self.begin_round()

        go_on("3-before", lambda: self.guests(leaver) > 0)
        step(f"{room.name(leaver)} is wanted for something else: mosctl expel")
        leaver.succeed("mosctl -t 120 expel", timeout=180)
        self.verdict.check(self.guests(leaver) == 0, f"{room.name(leaver)} has guests after mosctl expel")
        step(f"{room.name(leaver)} has no guests any more; its plug is pulled")
        leaver.kill()
        step(f"{room.name(late)} is switched on")
        late.start()
        go_on("3-one-less", lambda: late.ready)
        room.join(late)
        step(f"{room.name(late)} has joined")
        go_on("4-joined", lambda: self.guests(late) > 0)
        step(f"{room.name(late)} works for the others")
        rounds.append(self.end_round("4-joined", before))
        retry(lambda: room.home.execute(f"mosctl isup {room.number(leaver)}").status == 1, GONE,
              f"{room.home} notices that {room.name(leaver)} is off")
        return rounds

    @staticmethod
    def guests(node: Node) -> int:
        return int(node.succeed("grep '^guests ' /proc/hpc/info").split()[1])

    # -- the end -----------------------------------------------------------

    def judge(self, alone: Round, rounds: list[Round]) -> None:
        check, tasks = self.verdict.check, self.work.tasks()
        for task in sorted(tasks):
            check(alone.status.get(task) == 0, f"on the first node: {self.work.why(alone, task)}")
        check(alone.counted("moved") == 0, "something moved though the balancer was off")
        for number, one in enumerate(rounds, 1):
            bad = different(alone, one, tasks)
            for task in bad:
                check(False, f"not as alone, time {number} on the cluster: {self.work.why(one, task)}")
            check(one.counted("lost") == 0, f"{one.counted('lost')} processes were lost, time {number}")
        self.moves = sum(one.counted("moved") for one in rounds)
        check(self.moves > 0, "nothing moved")
        for text in self.room.cluster.complaints():
            self.verdict.wrong.append(text)

    def table(self, alone: Round, spread: Round, third: list[Round]) -> None:
        tasks, host = len(self.work.tasks()), os.cpu_count() or 1
        nodes = len(self.room.helpers) + 1
        total = tasks * (1 + len(third))
        lost = sum(one.counted("lost") for one in (spread, *third))
        bad = sum(len(different(alone, one, self.work.tasks())) for one in (spread, *third))
        rows = [
            ("alone", f"{alone.seconds:.1f} s", "all on the first node"),
            ("on the cluster", f"{spread.seconds:.1f} s", f"{nodes} nodes with a processor each, {spread.most} at work at a time"),
            ("ratio", f"{alone.seconds / spread.seconds:.2f}",
             f"{min(host, nodes)} at best, on a host with {host} processor{'s' if host > 1 else ''} and nothing else to do; "
             f"its load was {self.load:.1f}"),
            ("nodes go and come", f"{third[-1].seconds:.1f} s", f"{self.room.name(self.room.helpers[-1])} left, {self.room.name(self.room.late)} came"),
            ("moves", str(self.moves), "from the first node to others, or among those"),
            ("lost", str(lost), "processes"),
            ("results", f"{total - bad} of {total}", "the same as alone, bit for bit"),
        ]
        self.screen.plain("", *(f"  {name:18} {value:>10}   {more}" for name, value, more in rows), "")
        for text in self.verdict.wrong:
            self.screen.plain(f"  WRONG: {text}")
        self.screen.plain(f"  {'nothing was lost' if not self.verdict.wrong else 'FAILED'}; log and pictures are in "
                          f"{os.path.relpath(self.screen.folder)}", "")


def instructions() -> list[str]:
    command = f"ci/cluster --cluster {NAME}"
    rows = [("status", "the nodes"), ("sh node1", "a shell on the first; Ctrl-] leaves it"),
            ("sh -t node1 mosmon", "loads, as bars; q quits"), ("down", "the end")]
    return ["The cluster stays on. Try", "", *(f"    {command} {words:20} # {text}" for words, text in rows), ""]
