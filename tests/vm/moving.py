# SPDX-License-Identifier: GPL-2.0-only
"""What tests of moves share: programs that move, nodes that know each other, hpcd.

Nodes are 10.20.0.1 to 10.20.0.3 by DHCP, with the same map.
"""

import itertools
import re
from contextlib import contextmanager

from tessera.artifacts import BUILD
from tessera.timing import retry, scale

MAP = b"1 10.20.0.1 3\n"
FAULT = "/sys/kernel/debug/hpc/fault"
LOST = 128 + 9  # what a shell says of a process that SIGKILL ended
NOTICED = 10  # seconds in which a node that is gone is noticed

numbers = itertools.count(1)


class Program:
    """A self-checking program, started by a shell on its home that keeps its exit status.

    name, arguments: of a program of tests/vm/programs that prints "NAME PID ready" and "turn N".
    """

    status = 0  # with which it ends
    end = r"^turns \d+ sum [0-9a-f]+$"

    def __init__(self, home, name, arguments, before=""):
        self.home = home
        self.file = f"/tmp/{name}.{next(numbers)}"
        run = f"/tmp/{name} {arguments} {self.file}.stop > {self.file}.out 2>&1"
        home.succeed(f"({before} {run}; echo $? > {self.file}.status) > /dev/null 2>&1 &")
        ready = home.wait_until_succeeds(f"grep '^{name} .* ready$' {self.file}.out")
        self.pid = int(ready.split()[1])

    def where(self):
        return int(self.home.succeed(f"cat /proc/{self.pid}/where"))

    def members(self):
        return [self.pid]

    def moves(self):
        return int(self.home.succeed(f"cat /proc/{self.pid}/nmigs"))

    def migrate(self, target):
        self.home.succeed(f"migrate -t {60 * scale():g} {self.pid} {target}", timeout=90)
        assert self.where() == (0 if target == "home" else target)

    def refused(self, target, pattern):
        """A move that is to fail: says why, and the process goes on."""
        done = self.home.execute(f"migrate -t {60 * scale():g} {self.pid} {target} 2>&1",
                                 timeout=90)
        assert done.status == 1, done.stdout
        assert re.search(pattern, done.stdout), done.stdout
        assert self.where() == 0
        self.goes_on()

    def turns(self):
        last = self.home.wait_until_succeeds(f"grep '^turn ' {self.file}.out | tail -n 1 | grep .",
                                             30)
        return int(last.split()[1])

    def goes_on(self):
        before = self.turns()
        retry(lambda: self.turns() > before or None, 30, f"process {self.pid} goes on",
              seen=lambda: self.output()[-500:])

    def stop(self):
        for pid in self.members():
            self.home.succeed(f"kill -STOP {pid}")
            self.home.wait_until_succeeds(f"grep '^State:.*stopped' /proc/{pid}/status")

    def stands_still(self):
        before = self.turns()
        # No event can tell that nothing happens: five of its turns' time.
        self.home.succeed("sleep 0.5")
        assert self.turns() == before

    def output(self):
        return self.home.execute(f"cat {self.file}.out; cat {self.file}.status").stdout

    def ended(self, timeout=60):
        """Its exit status as the shell saw it; waits for it."""
        return int(self.home.wait_until_succeeds(f"grep . {self.file}.status", timeout))

    def finish(self, status=None):
        """Lets it come to its end wherever it is, and looks at what it says."""
        self.home.succeed(f"touch {self.file}.stop")
        assert self.ended(120) == (self.status if status is None else status), self.output()
        assert re.search(self.end, self.output(), re.MULTILINE), self.output()


class Spin(Program):
    """It computes, and looks at clocks and names."""

    status = 7

    def __init__(self, home, status=7, seconds=600, before=""):
        super().__init__(home, "spin", f"{seconds} {status}", before)


class Carry(Program):
    """It holds so many MiB, and looks at all of them."""

    def __init__(self, home, mib):
        super().__init__(home, "carry", f"{mib}")


class Family(Program):
    """Processes of several threads that wait for each other."""

    def __init__(self, home, children=2, threads=3, before=""):
        super().__init__(home, "family", f"{children} {threads}", before)
        self.children = [int(pid) for pid in
                         home.succeed(f"cat /proc/{self.pid}/task/{self.pid}/children").split()]
        assert len(self.children) == children

    def members(self):
        return [self.pid, *self.children]

    def move_all(self, target):
        pids = self.members()
        self.home.succeed(" && ".join(f"migrate {pid} {target}" for pid in pids), timeout=90)
        assert self.places() == [0 if target == "home" else target] * len(pids)

    def places(self):
        return [int(self.home.succeed(f"cat /proc/{pid}/where")) for pid in self.members()]


def prepare(*nodes):
    for node in nodes:
        # A slow node may have begun with a link-local one.
        assert node.address(begins="10.20.") == f"10.20.0.{node.spec.number}"
        node.copy_to(MAP, "/tmp/map")
        node.succeed("setpe -w -f /tmp/map")
        for name in ("spin", "carry"):
            node.copy_to(BUILD / "tests" / name, f"/tmp/{name}", mode=0o755)
        node.succeed("mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null; "
                     f"echo none > {FAULT}")
        node.wait_until_succeeds("test -S /run/tessera/hpcd.sock")


def guests(node):
    """(PID here, PID at home) of the guests of node 1."""
    text = node.succeed("cd /proc/hpc/remote; for p in *; do [ ! -e $p ] || "
                        "echo $p $(cat $p/from) $(cat $p/identity); done")
    return [(int(line.split()[0]), int(line.split()[3])) for line in text.splitlines()
            if line.split()[1] == "1"]


def guest_of(node, spin):
    return next(here for here, there in guests(node) if there == spin.pid)


def wait_hpcd(node, mark):
    node.wait_for_console_text(r"hpcd\[\d+\]: listens on", since=mark)


def restart(node, signal="KILL"):
    mark = node.console.position()
    node.succeed(f"killall -{signal} hpcd")
    wait_hpcd(node, mark)


def be_patient(node, seconds):
    """What keeps a node from answering for so long (a debug kernel, a slow network) is not its death."""
    node.succeed(f"sed -i 's/hpcd -d/hpcd -d -s {seconds:.0f}/' /usr/lib/tessera/hpcd")
    restart(node)


@contextmanager
def without_hpcd(node):
    node.succeed("mv /usr/sbin/hpcd /tmp/hpcd", "killall -9 hpcd")
    try:
        yield
    finally:
        mark = node.console.position()
        node.succeed("mv /tmp/hpcd /usr/sbin/hpcd")
        wait_hpcd(node, mark)


def arm(node, point):
    node.succeed(f"echo {point} > {FAULT}")


def disarmed(node):
    return node.succeed(f"cat {FAULT}").strip() == "none"
