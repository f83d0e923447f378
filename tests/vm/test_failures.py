# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong with a move, at each of its points.

A fault point holds the move still ("pause POINT" in debugfs, hpc/fault); then the harm is
done, and the move let go. Whatever happens before GO, the process goes on at home; after
it, it may end, but with a status and a word why, and nothing is left on either node.
"""

import os
import random
from contextlib import contextmanager

import pytest

from moving import FAULT, LOST, NOTICED, Carry, Spin, guests, prepare, restart
from tessera.timing import retry, scale

# Where a move stands still, and the node that does.
BEFORE_GO = (("before_pack", 1), ("before_ready", 2))
# GO may be under way already, or the READY that it answers.
AT_GO = (("after_pack", 1), ("before_go", 1), ("after_ready", 2))
AFTER_GO = (("after_go", 1), ("guest_runs", 2))
POINTS = BEFORE_GO + AT_GO + AFTER_GO

# Silence is noticed after seconds: the rest of these in `make soak` (SOAK=1) only.
SOAK = os.environ.get("SOAK") == "1"
CUT = POINTS if SOAK else (BEFORE_GO[0], AT_GO[2], AFTER_GO[1])
POWER_CUT = POINTS if SOAK else (BEFORE_GO[0],)
GIVEN_UP = 75  # seconds in which home no longer waits for a target that does not answer

STAYS = r"process {} does not move to node 2 and goes on here"
IS_LOST = r"process {} is lost with node 2"


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    cluster = make_module_cluster(2, dhcp=True)
    prepare(*cluster.nodes)
    return cluster


@contextmanager
def held(cluster, program, point, number):
    """The move of a program to node 2 stands still at a point, and goes on afterwards."""
    node = cluster.nodes[number - 1]
    node.succeed(f"echo pause {point} > {FAULT}")
    program.home.succeed(f"migrate -t {60 * scale():g} {program.pid} 2 > {program.file}.migrate 2>&1 &")
    try:
        node.wait_until_succeeds(f"grep -qx 'held {point}' {FAULT}", 30)
        yield
    finally:
        if node.ready:
            node.succeed(f"echo none > {FAULT}")


def no_guest(node):
    """Neither running nor on its way."""
    node.wait_until_succeeds("! ls /proc/hpc/remote | grep .", NOTICED + 5)
    node.wait_until_succeeds("! ps | grep -v hpcd-guests | grep '[s]pin\\|[h]pcd-gue'", NOTICED + 5)


def goes_on_at_home(program, mark):
    program.home.wait_for_console_text(STAYS.format(program.pid), GIVEN_UP, since=mark)
    assert program.where() == 0
    program.goes_on()
    program.finish()


def is_lost(program, mark):
    assert program.ended(NOTICED + 5) == LOST
    program.home.wait_for_console_text(IS_LOST.format(program.pid), NOTICED, since=mark)


# --- the process itself is killed ------------------------------------------------------


@pytest.mark.parametrize("point, number", POINTS)
def test_killed(cluster, home, away, point, number):
    spin = Spin(home)
    with held(cluster, spin, point, number):
        home.succeed(f"kill -KILL {spin.pid}")
        assert spin.ended(5) == LOST
    no_guest(away)


@pytest.mark.deadline(200)
def test_killed_at_random_moments(home, away):
    """While it goes to and fro: what fault points do not reach."""
    rng = random.Random(7)
    for _ in range(12):
        carry = Carry(home, 4)
        home.succeed(f"while migrate {carry.pid} 2 && migrate {carry.pid} home; do :; done "
                     "> /dev/null 2>&1 &")
        home.succeed(f"sleep {rng.uniform(0.05, 1.5):.2f}; kill -KILL {carry.pid}")
        assert carry.ended(10) == LOST
    no_guest(away)


# --- hpcd ------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", (1, 2))
@pytest.mark.parametrize("point, number", POINTS)
def test_hpcd_killed(cluster, home, point, number, side):
    """The engines have the connection: the move goes on without the daemons."""
    spin = Spin(home)
    with held(cluster, spin, point, number):
        restart(cluster.nodes[side - 1])
    retry(lambda: spin.where() == 2, 20, f"process {spin.pid} is on node 2")
    spin.goes_on()
    spin.migrate("home")
    spin.finish()


# --- no memory -----------------------------------------------------------------------------


@contextmanager
def no_memory(node):
    """Much private memory at once is refused, whoever asks."""
    kib = int(node.succeed("awk '/^Committed_AS/ { print $2 }' /proc/meminfo")) + (32 << 10)
    node.succeed(f"echo {kib} > /proc/sys/vm/overcommit_kbytes; echo 2 > /proc/sys/vm/overcommit_memory")
    try:
        yield
    finally:
        node.succeed("echo 0 > /proc/sys/vm/overcommit_memory")


def limit_guests(node, value):
    node.succeed(f"echo {value} > /sys/fs/cgroup/tessera/memory.max")


def test_no_memory_for_guests(home, away):
    """The control group of guests is full: the guest-to-be is given up, or told so."""
    carry = Carry(home, 64)
    away.expect_report("Memory cgroup out of memory")
    limit_guests(away, "24M")
    try:
        mark = home.console.position()
        done = home.execute(f"migrate {carry.pid} 2 2>&1", timeout=90)
        assert done.status == 1, done.stdout
        home.wait_for_console_text(STAYS.format(carry.pid), 10, since=mark)
        assert carry.where() == 0
        carry.goes_on()
        no_guest(away)
    finally:
        limit_guests(away, "max")
    carry.migrate(2)
    carry.finish()


def test_no_memory_at_home(home, away):
    """A homecoming is refused, and the process goes on where it is."""
    carry = Carry(home, 64)
    carry.migrate(2)
    with no_memory(home):
        home.execute(f"migrate -t 5 {carry.pid} home", timeout=30)
    assert carry.where() == 2
    carry.goes_on()
    carry.migrate("home")
    carry.goes_on()
    carry.migrate(2)
    carry.finish()


# --- the other node does not answer (these take their time) -------------------------------------


@pytest.mark.deadline(200)
@pytest.mark.parametrize("point, number", CUT)
def test_link_cut(cluster, home, away, point, number):
    spin = Spin(home)
    mark = home.console.position()
    try:
        with held(cluster, spin, point, number):
            cluster.cut(home, away)
        if (point, number) in BEFORE_GO:
            goes_on_at_home(spin, mark)
        else:
            is_lost(spin, mark)
        no_guest(away)
    finally:
        cluster.heal()


@pytest.mark.deadline(200)
@pytest.mark.parametrize("point, number", POWER_CUT)
def test_power_cut(cluster, home, away, point, number):
    spin = Spin(home)
    mark = home.console.position()
    with held(cluster, spin, point, number):
        away.kill()
    try:
        if (point, number) in BEFORE_GO:
            goes_on_at_home(spin, mark)
        else:
            is_lost(spin, mark)
    finally:
        away.start()
        away.wait_ready()
        prepare(away)
    assert guests(away) == []
    home.fail(f"test -e /proc/{spin.pid}")
