# SPDX-License-Identifier: GPL-2.0-only
"""Whole programs: debuggers, families, and processors that are not all the same.

Nodes 1 and 2 are alike; node 3 has an older processor.
The programs that move are those of tests/vm/programs.
"""

from pathlib import Path

import pytest

from moving import LOST, NOTICED, Carry, Family, Program, Spin, guests, prepare
from tessera.artifacts import BUILD

OLD_CPU = "qemu64"
PROGRAMS = ("trace", "family", "bomb", "cpu/upper", "cpu/i386")


def setup(*nodes):
    prepare(*nodes)
    for node in nodes:
        for name in PROGRAMS:
            node.copy_to(BUILD / "tests" / name, f"/tmp/{Path(name).name}", mode=0o755)


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    cluster = make_module_cluster([{}, {}, {"cpu": OLD_CPU}], dhcp=True, balance=False)
    setup(*cluster.nodes)
    return cluster


@pytest.fixture
def home(cluster):
    return cluster.nodes[0]


@pytest.fixture
def away(cluster):
    return cluster.nodes[1]


# --- by itself ----------------------------------------------------------------------
# First, as its nodes are others.


@pytest.mark.deadline(200)
def test_the_balancer_asks_what_a_processor_has(make_cluster):
    home, old = make_cluster([{}, {"cpu": OLD_CPU}], dhcp=True, discovery=True, balance=True,
                             cmdline="tessera.cluster=old").nodes
    for node in (home, old):
        node.wait_until_succeeds("test -S /run/tessera/hpcd.sock")
        node.succeed("mosctl setspeed 10000")
    home.wait_until_succeeds("mosctl --json list | grep -c '\"up\"' | grep -qx 2")
    home.copy_to(BUILD / "tests" / "spin", "/tmp/spin", mode=0o755)
    spins = [Spin(home, before=before) for before in ("cpujob", "cpujob", "cpujob --portable")]
    home.wait_until_succeeds(f"grep -qx 2 /proc/{spins[2].pid}/where", 60)
    home.wait_for_console_text("does not move to node 2.*lacks.*avx")
    assert [spin.where() for spin in spins] == [0, 0, 2]
    for spin in spins:
        spin.finish()


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


def test_a_stopped_process_comes_home_to_be_read(home):
    spin = Spin(home)
    spin.migrate(2)
    spin.stop()
    assert home.succeed(f"/tmp/trace read {spin.pid}") == "ok\n"
    assert spin.where() == 0
    spin.stands_still()
    home.succeed(f"kill -CONT {spin.pid}")
    spin.goes_on()
    assert home.succeed(f"/tmp/trace attach {spin.pid}") == "ok\n"
    spin.finish()


# --- processors that are not all the same ---------------------------------------------


def test_who_may_have_chosen_newer_instructions_stays(home):
    spin = Spin(home)
    spin.refused(3, r"node 3.*lacks.*\bavx")
    spin.migrate(2)
    # It came from here: that node 2 could not be told from node 1 changes nothing.
    assert home.execute(f"migrate {spin.pid} 3").status == 1
    spin.goes_on()
    spin.finish()


def test_portable_programs_go_anywhere(home):
    spin = Spin(home, before="mosrun --portable")
    family = Family(home, before="mosrun --portable")
    assert home.succeed(f"cat /proc/{spin.pid}/portable /proc/{family.children[1]}/portable") == "1\n1\n"
    for target in (3, "home", 2, 3, "home"):
        spin.migrate(target)
        spin.goes_on()
    family.move_all(3)
    family.goes_on()
    spin.migrate(3)
    spin.finish()
    family.finish()


def test_registers_in_use_go_where_they_are(home):
    """Called portable, but it is not: what the engine sees, it does not believe."""
    upper = Program(home, "upper", "", before="mosrun --portable")
    mark = home.console.position()
    home.execute(f"migrate {upper.pid} 3")
    home.wait_for_console_text(f"process {upper.pid} does not move to node 3", since=mark)
    assert upper.where() == 0
    upper.migrate(2)
    upper.goes_on()
    upper.migrate("home")
    upper.goes_on()
    upper.finish()


# --- other programs -------------------------------------------------------------------


def test_32_bit_programs_stay(home):
    program = Program(home, "i386", "")
    assert home.succeed(f"cat /proc/{program.pid}/cantmove") == "i386\n"
    program.refused(2, "i386")
    home.succeed(f"/tmp/trace attach {program.pid} || true")
    program.goes_on()
    program.finish()


def test_a_program_that_gives_rights(home, away):
    """A set-user-ID program keeps what it has at home, and has nothing where it computes."""
    home.succeed("cp /tmp/spin /usr/bin/suid && chmod 4755 /usr/bin/suid",
                 "(su -s /bin/sh nobody -c 'mosrun --portable /usr/bin/suid 600 3 /tmp/suid.stop' > /tmp/suid.out; "
                 "echo $? > /tmp/suid.status) > /dev/null 2>&1 &")
    pid = int(home.wait_until_succeeds("grep '^spin .* ready$' /tmp/suid.out").split()[1])
    uids = home.succeed(f"grep '^Uid' /proc/{pid}/status")
    assert uids.split() == ["Uid:", "65534", "0", "0", "0"]
    # The C library does not heed its environment there.
    assert home.succeed(f"cat /proc/{pid}/portable") == "0\n"
    assert home.execute(f"migrate {pid} 3").status == 1
    home.succeed(f"migrate {pid} 2")
    assert home.succeed(f"grep '^Uid' /proc/{pid}/status") == uids
    guest = next(here for here, there in guests(away) if there == pid)
    assert set(away.succeed(f"grep '^Uid' /proc/{guest}/status").split()[1:]) == {str(0x7a000001)}
    home.succeed("touch /tmp/suid.stop")
    assert home.wait_until_succeeds("grep . /tmp/suid.status") == "3\n"


def test_limits_of_a_control_group(home):
    """It stays in its group at home, which counts its memory while it is there."""
    group = "/sys/fs/cgroup/limited"
    home.succeed("mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null; echo +memory +pids > /sys/fs/cgroup/cgroup.subtree_control; "
                 f"mkdir -p {group} && echo 64M > {group}/memory.max && echo 10 > {group}/pids.max")
    carry = Carry(home, 24)
    home.succeed(f"echo {carry.pid} > {group}/cgroup.procs")
    carry.migrate(2)
    assert int(home.succeed(f"cat {group}/memory.current")) < 12 << 20
    carry.migrate("home")
    carry.goes_on()
    assert int(home.succeed(f"cat {group}/memory.current")) > 20 << 20
    assert home.succeed(f"cat {group}/cgroup.procs").split() == [str(carry.pid)]
    assert "oom_kill 0" in home.succeed(f"cat {group}/memory.events")
    carry.finish()
    home.succeed(f"rmdir {group}")


# --- what can go wrong with families ----------------------------------------------------


def container_of(node):
    return node.succeed("ls -d /sys/fs/cgroup/tessera/1-*").split()[0]


def test_memory_runs_out_where_guests_are(home, away):
    """The container's kernel ends one of them, not the node, and home hears of it."""
    family, carry = Family(home), Carry(home, 48)
    family.move_all(2)
    carry.migrate(2)
    group = container_of(away)
    away.expect_report("Memory cgroup out of memory")
    # It takes what it is not to have: who sets a limit below what is used ends as many as it likes itself.
    away.succeed(f"echo $(($(cat {group}/memory.current) + (16 << 20))) > {group}/memory.max")
    home.succeed(f"touch {carry.file}.stop.more")
    try:
        assert carry.ended(60) == LOST
    finally:
        away.succeed(f"echo max > {group}/memory.max")
    assert family.places() == [2, 2, 2]
    family.goes_on()
    family.finish()
    assert guests(away) == []


def test_a_fork_bomb_stays_in_its_container(home, away):
    bomb, spin = Program(home, "bomb", "60"), Spin(home)
    bomb.migrate(2)
    group = container_of(away)
    before = away.succeed(f"cat {group}/pids.max")
    away.succeed(f"echo $(($(cat {group}/pids.current) + 20)) > {group}/pids.max")
    try:
        home.succeed(f"touch {bomb.file}.stop.go")
        said = home.wait_until_succeeds(f"grep '^forked' {bomb.file}.out", 90).split()
        assert int(said[3]) <= 20, said
        assert int(away.succeed(f"cat {group}/pids.current")) <= int(away.succeed(f"cat {group}/pids.max"))
        # Nobody else gets in, and whoever wanted to goes on at home.
        assert home.execute(f"migrate -t 20 {spin.pid} 2").status == 1
        spin.goes_on()
    finally:
        away.succeed(f"echo {before.strip()} > {group}/pids.max")
    bomb.finish()
    spin.migrate(2)
    spin.finish()
    away.wait_until_succeeds("! ls /proc/hpc/remote | grep .")


@pytest.mark.deadline(240)
def test_nodes_that_die_with_a_family(cluster, home, away):
    family, other = Family(home), Family(home)
    family.move_all(2)
    other.move_all(2)
    # One of them is at home; the rest is lost, and it is told by wait().
    home.succeed(f"migrate {other.pid} home")
    away.kill()
    assert family.ended(NOTICED + 50) == LOST
    assert other.ended(60) in (99, 128 + 13), other.output()
    for pid in family.members() + other.members():
        home.wait_until_succeeds(f"! test -e /proc/{pid}")
    # And the other way round: guests whose home is gone are gone.
    old = cluster.nodes[2]
    family = Family(home, before="mosrun --portable")
    family.move_all(3)
    family.goes_on()
    home.kill()
    old.wait_until_succeeds("! ls /proc/hpc/remote | grep .", 90)
    # Their container stays for a while, with nobody in it but its keeper.
    old.wait_until_succeeds("[ $(cat /sys/fs/cgroup/tessera/1-*/cgroup.procs | wc -l) -le 1 ]", 60)
