# SPDX-License-Identifier: GPL-2.0-only
"""Whole programs: debuggers, families, and processors that are not all the same.

Nodes 1 and 2 are alike; node 3 has an older processor.
The programs that move are tests/vm/programs/{spin,family}.c.
"""

import pytest

from moving import Program, Spin, prepare
from tessera.artifacts import BUILD

OLD_CPU = "qemu64"


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    cluster = make_module_cluster([{}, {}, {"cpu": OLD_CPU}], dhcp=True, balance=False)
    prepare(*cluster.nodes)
    for node in cluster.nodes:
        for name in ("trace", "family"):
            node.copy_to(BUILD / "tests" / name, f"/tmp/{name}", mode=0o755)
    return cluster


@pytest.fixture
def home(cluster):
    return cluster.nodes[0]


@pytest.fixture
def away(cluster):
    return cluster.nodes[1]


class Family(Program):
    """Processes of several threads that wait for each other."""

    def __init__(self, home, children=2, threads=3):
        super().__init__(home, "family", f"{children} {threads}")
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


# --- debuggers ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ("attach", "seize"))
def test_traced_processes_come_home(home, how):
    spin, family = Spin(home), Family(home)
    spin.migrate(2)
    family.move_all(2)
    pids = " ".join(map(str, [spin.pid, *family.members()]))
    assert home.succeed(f"/tmp/trace {how} {pids}") == "ok\n"
    assert spin.where() == 0 and family.places() == [0, 0, 0]
    # Let go, they may leave again.
    spin.migrate(2)
    family.move_all(2)
    family.goes_on()
    spin.finish()
    family.finish()


def test_memory_is_looked_at_from_outside(home):
    """With a debugger's rights: it comes home; what ps and top read does not matter to it."""
    family = Family(home)
    family.move_all(2)
    home.succeed(*(f"for p in {family.pid} {family.children[0]}; do cat /proc/$p/{name} > /tmp/seen || exit 1; done"
                   for name in ("cmdline", "environ", "maps", "status", "smaps_rollup", "stat", "auxv")))
    assert "/tmp/family" in home.succeed(f"cat /proc/{family.pid}/cmdline /proc/{family.pid}/maps")
    assert family.places() == [2, 2, 2]
    assert home.succeed(f"/tmp/trace read {family.pid}") == "ok\n"
    assert family.places() == [0, 2, 2]
    family.goes_on()
    family.finish()


def test_a_traced_process_stays(home):
    spin = Spin(home)
    spin.migrate(2)
    home.succeed(f"/tmp/trace hold {spin.pid} > /tmp/hold.out 2>&1 & echo $! > /tmp/hold.pid")
    home.wait_until_succeeds(f"grep -qx traced /proc/{spin.pid}/cantmove")
    spin.refused(2, "traced")
    home.succeed("kill -KILL $(cat /tmp/hold.pid)")
    home.wait_until_succeeds(f"! grep -q . /proc/{spin.pid}/cantmove")
    spin.migrate(2)
    spin.finish()


def test_who_may_not_look_does_not_bring_it_home(home):
    spin = Spin(home)
    spin.migrate(2)
    done = home.execute(f"su -s /bin/sh nobody -c '/tmp/trace attach {spin.pid}'")
    assert done.status == 99 and "not permitted" in done.stdout
    assert spin.where() == 2
    spin.finish()


def test_a_stopped_process_is_not_waited_for(home):
    spin = Spin(home)
    spin.migrate(2)
    home.succeed(f"kill -STOP {spin.pid}")
    home.wait_until_succeeds(f"grep '^State:.*stopped' /proc/{spin.pid}/status")
    done = home.execute(f"/tmp/trace attach {spin.pid}")
    assert done.status == 99 and "busy" in done.stdout
    home.succeed(f"kill -CONT {spin.pid}")
    spin.goes_on()
    assert home.succeed(f"/tmp/trace attach {spin.pid}") == "ok\n"
    spin.finish()
