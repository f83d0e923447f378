# SPDX-License-Identifier: GPL-2.0-only
"""Moves between nodes by hpcd and migrate: there and back, watched from home.

Three nodes, 10.20.0.1 to 10.20.0.3 by DHCP, with the same map. The program that
moves is tests/vm/programs/spin.c, which checks its sums, clocks and names itself.
"""

import json
import re
import struct
import time

import pytest

from moving import (LOST, NOTICED, Carry, Family, Spin, arm, be_patient, disarmed, guest_of, guests, prepare,
                    restart, without_hpcd)
from tessera.artifacts import BUILD
from tessera.timing import scale


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    cluster = make_module_cluster(3, dhcp=True)
    prepare(*cluster.nodes)
    for node in cluster.nodes:
        for name in ("family", "bench"):
            node.copy_to(BUILD / "tests" / name, f"/tmp/{name}", mode=0o755)
    return cluster


# --- there and back --------------------------------------------------------------


def test_there_home_and_elsewhere(cluster, home):
    spin = Spin(home)
    assert spin.where() == 0 and spin.moves() == 0
    spin.migrate(2)
    spin.goes_on()
    spin.migrate("home")
    spin.goes_on()
    spin.migrate(3)
    spin.goes_on()
    spin.migrate(2)  # by way of home
    spin.goes_on()
    assert spin.moves() == 5
    assert [there for _, there in guests(cluster.nodes[1])] == [spin.pid]
    assert guests(cluster.nodes[2]) == []
    spin.finish()
    assert guests(cluster.nodes[1]) == []


def test_back_and_forth(home):
    """With the same PID there at once again, and a clock that never steps back."""
    spin = Spin(home)
    for _ in range(15):
        spin.migrate(2)
        spin.migrate("home")
    assert spin.moves() == 30
    spin.finish()


def test_looked_at_while_it_moves(home, away):
    """ps and the like read a process's memory: at home, and that of a guest."""
    spin = Spin(home)
    look = "while [ ! -e /tmp/enough ]; do cat /proc/[0-9]*/cmdline; done > /dev/null 2>&1 &"
    for node in (home, away):
        node.succeed(f"rm -f /tmp/enough; {look}")
    try:
        for _ in range(10):
            spin.migrate(2)
            spin.migrate("home")
    finally:
        for node in (home, away):
            node.succeed("touch /tmp/enough")
    spin.finish()


def test_many_at_once(home, away):
    spins = [Spin(home) for _ in range(12)]
    moves = " ".join(f"migrate -t {100 * scale():g} {spin.pid} 2 2>&1 &" for spin in spins)
    said = home.succeed(f"{moves} wait", timeout=120)
    assert [spin.where() for spin in spins] == [2] * 12, said
    assert sorted(there for _, there in guests(away)) == sorted(spin.pid for spin in spins)
    for spin in spins:
        spin.home.succeed(f"touch {spin.file}.stop")
    for spin in spins:
        spin.finish()


def test_who_answers_late_is_waited_for(home):
    """hpcd on a machine with too much to do."""
    spin = Spin(home)
    try:
        done = home.execute(f"kill -STOP $(pidof hpcd); migrate -t 2 {spin.pid} 2 2>&1")
        assert done.status == 1 and "too much to do" in done.stdout
        assert spin.where() == 0
        home.succeed(f"(sleep 5; kill -CONT $(pidof hpcd)) & migrate {spin.pid} 2", timeout=90)
        assert spin.where() == 2
    finally:
        home.succeed("kill -CONT $(pidof hpcd)")
    spin.finish()


def test_exit_status_while_away(home):
    spin = Spin(home, status=42)
    spin.migrate(2)
    spin.finish(42)


def test_used_time_is_seen_at_home(home):
    """Also of a program that makes no calls."""
    pid = home.succeed("sh -c 'while :; do :; done' > /dev/null 2>&1 & echo $!").strip()
    used = f"awk '{{ print $14 + $15 }}' /proc/{pid}/stat"
    try:
        home.succeed(f"migrate -t {60 * scale():g} {pid} 2", timeout=90)
        before = int(home.succeed(used))
        home.wait_until_succeeds(f"[ $({used}) -gt {before + 100} ]", timeout=60)
        assert home.succeed(f"cat /proc/{pid}/where").strip() == "2"
        assert home.succeed(f"cat /proc/{pid}/nmigs").strip() == "1"
    finally:
        home.execute(f"kill -9 {pid}")


def test_terminated_from_home(home):
    """The handler runs away from home; the rest of the program too."""
    spin = Spin(home, status=5)
    spin.migrate(2)
    home.succeed(f"kill -TERM {spin.pid}")
    assert spin.ended(120) == 5
    assert "terminated" in spin.output()


def test_killed_from_home(home, away):
    spin = Spin(home)
    spin.migrate(2)
    home.succeed(f"kill -KILL {spin.pid}")
    assert spin.ended() == LOST
    away.wait_until_succeeds("! ls /proc/hpc/remote | grep .")


def test_stopped_and_continued_from_home(home):
    spin = Spin(home)
    spin.migrate(2)
    spin.stop()
    spin.stands_still()
    home.succeed(f"kill -CONT {spin.pid}")
    spin.goes_on()
    spin.finish()


@pytest.fixture
def reader(home):
    """The PID of one that waits in a forwarded call for what is written to /tmp/fifo."""
    home.succeed("mkfifo /tmp/fifo")
    said = home.succeed("cat /tmp/fifo > /tmp/read 2>&1 & echo $!; exec 3> /tmp/fifo; "
                        "sleep 1000 > /dev/null 2>&1 & echo $!")
    pid, writer = map(int, said.split())
    home.wait_until_succeeds(f"grep -q pipe /proc/{pid}/wchan")
    yield pid
    home.execute(f"kill -9 {pid} {writer}; rm -f /tmp/fifo")


@pytest.mark.parametrize("who", ("home", "away"))
def test_stopped_it_comes_home(home, away, reader, who):
    """Whoever wants that; and is stopped there as it was, also if it was stopped twice."""
    family, spin = Family(home), Spin(home)
    family.move_all(2)
    spin.migrate(2)
    home.succeed(f"migrate {reader} 2", f"kill -STOP {reader}")
    for program in (family, spin):
        program.stop()
    home.succeed(f"kill -STOP {spin.pid}")
    members = [reader, spin.pid, *family.members()]
    if who == "home":
        node, pids = home, members
    else:
        node, pids = away, [here for here, there in guests(away) if there in members]
        assert len(pids) == len(members)
    node.succeed(" && ".join(f"migrate {pid} home" for pid in pids), timeout=90)
    for pid in members:
        assert home.succeed(f"cat /proc/{pid}/where") == "0\n"
        home.wait_until_succeeds(f"grep '^State:.*stopped' /proc/{pid}/status")
    assert guests(away) == []
    spin.stands_still()
    home.succeed("kill -CONT " + " ".join(map(str, members)), "echo a word > /tmp/fifo")
    home.wait_until_succeeds("grep 'a word' /tmp/read")
    for program in (family, spin):
        program.goes_on()
        program.finish()


def test_stopped_it_leaves_when_it_goes_on(home):
    spin = Spin(home)
    spin.stop()
    done = home.execute(f"migrate {spin.pid} 2 2>&1")
    assert done.status == 1 and f"kill -CONT {spin.pid}" in done.stdout
    home.succeed(f"kill -CONT {spin.pid}")
    home.wait_until_succeeds(f"grep -qx 2 /proc/{spin.pid}/where")
    spin.finish()


def test_stopped_its_node_may_go(home, away):
    """As soon as the link ends, and not when it is continued."""
    spin = Spin(home)
    spin.migrate(2)
    spin.stop()
    away.succeed(f"kill -KILL {guest_of(away, spin)}")
    assert spin.ended() == LOST


def test_root_sends_a_guest_home(home, away):
    spin = Spin(home)
    spin.migrate(2)
    guest = guest_of(away, spin)
    done = away.execute(f"migrate {guest} 3 2>&1")
    assert done.status == 1 and "is a guest here" in done.stdout
    away.succeed(f"migrate {guest} home")
    assert spin.where() == 0
    spin.finish()


def test_pages_of_its_program_come_many_at_a_time(home):
    """What lies around one that is touched comes with it: a round trip each would take its time."""
    # A file that no node has seen yet.
    home.succeed("cp /tmp/spin /tmp/spin.new", "mv /tmp/spin.new /tmp/spin")
    spin = Spin(home)
    spin.migrate(3)
    spin.goes_on()
    info = json.loads(home.succeed(f"/tmp/bench info {spin.pid}"))
    assert info["pages"] >= 32
    spin.finish()


# --- what a guest is where it runs ----------------------------------------------------


def test_guest_is_locked_in(home, away):
    spin = Spin(home)
    spin.migrate(2)
    guest = guest_of(away, spin)
    status = dict(line.split(":\t", 1) for line in
                  away.succeed(f"cat /proc/{guest}/status").splitlines() if ":\t" in line)
    assert status["NSpid"].split() == [str(guest), str(spin.pid)]
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0
    assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "0"
    assert status["Groups"].split() == []
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(0x7a000000 + 1)}
    for space in ("pid", "mnt", "uts", "ipc", "net", "cgroup", "time"):
        own, its = away.succeed(f"readlink /proc/1/ns/{space}", f"readlink /proc/{guest}/ns/{space}").split()
        assert own != its, space
    assert len(away.succeed(f"cat /proc/{guest}/mountinfo").splitlines()) == 1
    assert re.search(r" / / ro,", away.succeed(f"cat /proc/{guest}/mountinfo"))
    assert away.succeed(f"ls -A /proc/{guest}/root/") == ""
    assert away.succeed(f"ls /proc/{guest}/fd") == ""
    # Interfaces are down, and there are no addresses and no routes.
    assert away.succeed(f"cat /proc/{guest}/net/route").splitlines()[1:] == []
    assert away.succeed(f"cat /proc/{guest}/net/if_inet6") == ""
    assert away.succeed(f"cat /proc/{guest}/oom_score_adj").strip() == "500"
    group = away.succeed(f"cat /proc/{guest}/cgroup").strip()
    assert re.fullmatch(r"0::/tessera/1-[0-9a-f]{32}", group)
    folder = "/sys/fs/cgroup" + group.partition("::")[2]
    assert int(away.succeed(f"cat {folder}/memory.high")) > 64 << 20
    assert int(away.succeed(f"cat {folder}/pids.max")) > 1000
    spin.finish()


def test_container_ends_when_it_is_not_needed(cluster, home):
    node = cluster.nodes[2]
    node.succeed("sed -i 's/hpcd -d/hpcd -d -l 1/' /usr/lib/tessera/hpcd")
    restart(node)
    node.wait_until_succeeds("! ls /run/tessera/guests | grep sock", timeout=90)
    spin = Spin(home)
    spin.migrate(3)
    node.succeed("ls /run/tessera/guests/1-*.sock", "ls -d /sys/fs/cgroup/tessera/1-*")
    spin.finish()
    node.wait_until_succeeds("! ls /run/tessera/guests | grep sock")
    node.wait_until_succeeds("! ls -d /sys/fs/cgroup/tessera/1-*")
    assert node.succeed("ps | grep -c '[h]pcd-guests' || true").strip() == "0"


@pytest.mark.deadline(400)
def test_node_to_node_by_a_slow_network(cluster, home):
    """On its way it comes home, which takes longer than what else a node waits for."""
    away, script = cluster.nodes[1], "/usr/lib/tessera/hpcd"
    for node in (home, away):
        node.succeed(f"cp -p {script} /tmp/hpcd.script")
        be_patient(node, 600)
    try:
        carry = Carry(home, 8)
        carry.migrate(2)
        cluster.fault(away, home, delay=4000)
        begin = time.monotonic()
        home.succeed(f"migrate -t {200 * scale():g} {carry.pid} 3", timeout=210)
        took = time.monotonic() - begin
        cluster.fault(away, home, delay=0)
        assert carry.where() == 3 and took > 35, took
        carry.finish()
    finally:
        # Others of this file measure how soon a dead node is noticed.
        cluster.fault(away, home, delay=0)
        for node in (home, away):
            node.succeed(f"cp -p /tmp/hpcd.script {script}")
            restart(node)


def test_a_disk_of_home_that_takes_its_time(home, away):
    """A long write waits for it, even if home's socket is full for longer than the silence that counts
    as death."""
    home.succeed("dd if=/dev/zero of=/tmp/disk bs=1M count=64 2>/dev/null", "mke2fs -F /tmp/disk >/dev/null",
                 "mkdir /tmp/slow", "mount -t ext4 -o loop /tmp/disk /tmp/slow",
                 "dd if=/dev/urandom of=/tmp/eight bs=1M count=8 2>/dev/null",
                 "mkfifo /tmp/feed /tmp/feed.go")
    home.succeed("(dd if=/tmp/feed of=/tmp/slow/written bs=4M iflag=fullblock 2>/tmp/dd.out; "
                 "echo $? >/tmp/dd.status) >/dev/null 2>&1 &")
    home.succeed("(exec 3>/tmp/feed; read line </tmp/feed.go; cat /tmp/eight >&3) "
                 ">/dev/null 2>&1 &")
    pid = home.wait_until_succeeds("pidof dd").split()[0]
    home.wait_until_succeeds(f"grep -q pipe_read /proc/{pid}/stack")
    home.succeed(f"migrate -t {60 * scale():g} {pid} 2", timeout=90)
    try:
        home.succeed("fsfreeze --freeze /tmp/slow", "echo go >/tmp/feed.go")
        # The state that is wanted is that long a time without a byte taken.
        home.succeed(f"sleep {NOTICED + 10}", timeout=60)
        assert home.execute("test -e /tmp/dd.status").status, home.succeed("cat /tmp/dd.out")
        assert home.succeed(f"cat /proc/{pid}/where").strip() == "2"
    finally:
        home.succeed("fsfreeze --unfreeze /tmp/slow")
    assert home.wait_until_succeeds("cat /tmp/dd.status | grep .", 60).strip() == "0"
    home.succeed("cmp /tmp/eight /tmp/slow/written", "umount /tmp/slow")


# --- hpcd itself --------------------------------------------------------------------------


@pytest.mark.parametrize("number", (1, 2))
def test_hpcd_killed_while_a_guest_runs(cluster, home, number):
    spin, other = Spin(home), Spin(home)
    spin.migrate(2)
    mark = cluster.nodes[number - 1].console.position()
    restart(cluster.nodes[number - 1])
    if number == 2:
        cluster.nodes[1].wait_for_console_text("1 guest containers are here", since=mark)
    spin.goes_on()
    # The container that was there is found again, by others and for the way home.
    other.migrate(2)
    keepers = cluster.nodes[1].succeed("ps | grep -c '[h]pcd-guests'")
    assert keepers.strip() == "1"
    spin.migrate("home")
    spin.migrate(2)
    spin.finish()
    other.finish()


def test_terminated_hpcd_leaves_guests_alone(home, away):
    spin = Spin(home)
    spin.migrate(2)
    restart(away, "TERM")
    spin.goes_on()
    spin.finish()


def test_only_one_hpcd(home):
    done = home.execute("hpcd -d 2>&1")
    assert done.status == 1
    assert re.search(r"another hpcd runs already, as process \d+", done.stdout)
    assert home.execute("hpcd -d 2>&1 -p 0").status == 2


def test_migrate_without_hpcd(home):
    spin = Spin(home)
    with without_hpcd(home):
        done = home.execute(f"migrate {spin.pid} 2 2>&1")
        assert done.status == 1 and "hpcd, which would connect to it, does not run" in done.stdout
    spin.migrate(2)
    with without_hpcd(home):
        spin.migrate("home")
    spin.finish()


# --- what is not to be ------------------------------------------------------------------------


def test_who_may_move_what(home):
    spin = Spin(home)
    home.succeed("echo 'somebody:x:1000:1000::/tmp:/bin/sh' >> /etc/passwd")
    done = home.execute(f"su somebody -c 'migrate {spin.pid} 2' 2>&1")
    assert done.status == 1 and "is not yours to move" in done.stdout
    for file in ("goto", "lock"):
        done = home.execute(f"su somebody -c 'echo 1 > /proc/{spin.pid}/{file}' 2>&1")
        assert done.status != 0 and "Permission denied" in done.stdout, done.stdout
    assert spin.where() == 0
    own = Spin(home, before="chmod 777 /tmp; su somebody -c '\"$@\"' -- sh")
    assert "1000" in home.succeed(f"grep ^Uid /proc/{own.pid}/status")
    home.succeed(f"su somebody -c 'migrate {own.pid} 2'")
    assert own.where() == 2
    own.finish()
    spin.finish()


def test_reasons_are_said(home):
    spin = Spin(home)
    assert home.execute(f"migrate {spin.pid} 0").status == 2
    assert home.execute(f"migrate {spin.pid}").status == 2
    assert home.execute("migrate nobody 2").status == 2
    spin.refused(99, "not in the node table")
    home.succeed(f"echo 1 > /proc/{spin.pid}/lock")
    spin.refused(2, r"it is locked .*\(user_lock\)")
    home.succeed(f"echo 0 > /proc/{spin.pid}/lock")
    done = home.execute("migrate 1 2 2>&1")
    assert done.status == 1 and "(system)" in done.stdout
    home.succeed(f"migrate {spin.pid} home")  # it is
    home.succeed(f"migrate {spin.pid} 1")  # this is home's number
    spin.finish()


def test_target_without_memory(home, away):
    """Refused at home already, by what the target says of itself."""
    spin = Spin(home)
    free = int(away.succeed("cat /proc/hpc/nodes/2/mem")) >> 20
    away.succeed("mkdir -p /tmp/fill; mount -t tmpfs -o size=95% fill /tmp/fill",
                 f"dd if=/dev/zero of=/tmp/fill/it bs=1M count={free - 20}")
    try:
        spin.refused(2, r"it has \d+ MiB for guests")
    finally:
        away.succeed("umount /tmp/fill")
    spin.migrate(2)
    spin.finish()


def test_target_not_reachable(cluster, home, away):
    spin = Spin(home)
    with without_hpcd(away):
        spin.refused(2, r"Connection refused \(no hpcd there\)")
    cluster.cut(home, away)
    try:
        spin.refused(2, "Connection timed out|No route to host")
    finally:
        cluster.heal()
    spin.finish()


def test_node_that_is_not_in_the_table(home, away):
    """A node takes guests of those only that it knows, at the address it knows."""
    spin = Spin(home)
    away.copy_to(b"1 10.20.0.77 1\n2 10.20.0.2 2\n", "/tmp/other")
    away.succeed("setpe -w -f /tmp/other")
    try:
        spin.refused(2, "it refuses: node 1 at 10.20.0.1 is not in node 2's table")
    finally:
        away.succeed("setpe -w -f /tmp/map")
    spin.finish()


def test_other_protocol_versions(home, away):
    """What speaks otherwise, or nothing at all, is told apart and does no harm."""
    spin = Spin(home)
    hello = struct.pack("<HHI", 1, 0, 12) + struct.pack("<IHHI", 0x41525354, 77, 0, 2)
    answers = {hello: "it speaks version 77 of the protocol, this node 1",
               b"HTTP/1.0 400 Bad Request\r\n\r\n": "it does not speak this protocol",
               hello[:9]: "it closed the connection"}
    with without_hpcd(away):
        for answer, pattern in answers.items():
            away.copy_to(answer, "/tmp/answer")
            away.succeed("nc -l -p 4660 < /tmp/answer > /dev/null 2>&1 &")
            away.wait_until_succeeds("netstat -tln | grep -q ':4660 '")
            spin.refused(2, pattern)
            away.execute("killall nc")
    for rubbish in answers:
        home.copy_to(rubbish, "/tmp/rubbish")
        home.execute("nc -w 3 10.20.0.2 4660 < /tmp/rubbish")
    spin.migrate(2)
    spin.finish()


# --- a move is a transaction -------------------------------------------------------------------


@pytest.mark.parametrize("point, number", (("before_pack", 1), ("after_pack", 1), ("before_go", 1),
                                           ("before_ready", 2)))
def test_fault_before_go(cluster, home, away, point, number):
    """The process goes on at home as if nothing had been asked, and can move after all."""
    spin, node = Spin(home), cluster.nodes[number - 1]
    arm(node, point)
    spin.refused(2, "stays where it is")
    assert disarmed(node)
    assert spin.moves() == 0
    assert guests(away) == []
    spin.migrate(2)
    spin.finish()


@pytest.mark.parametrize("point, number", (("after_go", 1), ("after_ready", 2), ("guest_runs", 2)))
def test_fault_from_go_on(cluster, home, away, point, number):
    """The process may be dead, but then at once, with a status and a word why."""
    spin, node = Spin(home), cluster.nodes[number - 1]
    mark = home.console.position()
    arm(node, point)
    home.execute(f"migrate -t 20 {spin.pid} 2", timeout=60)
    assert disarmed(node)
    if home.execute(f"kill -0 {spin.pid}").status == 0:
        assert spin.where() == 0 and point == "after_ready"
        spin.finish()
    else:
        assert spin.ended(NOTICED) == LOST
        home.wait_for_console_text(rf"process {spin.pid} is lost with node 2", NOTICED, since=mark)
    away.wait_until_succeeds("! ls /proc/hpc/remote | grep .")


def test_link_cut_while_away(cluster, home, away):
    spin = Spin(home)
    spin.migrate(2)
    mark = home.console.position()
    cluster.cut(home, away)
    try:
        assert spin.ended(NOTICED + 2) == LOST
        home.wait_for_console_text(rf"process {spin.pid} is lost with node 2: it no longer answers",
                                   NOTICED, since=mark)
        away.wait_until_succeeds("! ls /proc/hpc/remote | grep .", NOTICED + 2)
    finally:
        cluster.heal()
    other = Spin(home)
    other.migrate(2)
    other.finish()


# --- Debian ---------------------------------------------------------------------------------------


@pytest.mark.deadline(600)
def test_debian_and_a_node_in_ram(make_cluster):
    """Either way; there hpcd is a service, and the root is one that can be pivoted from."""
    cluster = make_cluster([{"root": "debian"}, {}], dhcp=True)
    debian, ram = cluster.nodes
    debian.wait_until_succeeds("systemctl is-active hpcd.service")
    prepare(debian, ram)
    spin = Spin(debian)
    spin.migrate(2)
    debian.succeed("systemctl restart hpcd.service")
    spin.goes_on()
    spin.finish()
    spin = Spin(ram)
    spin.migrate(1)
    guest = next(iter(debian.succeed("ls /proc/hpc/remote").split()))
    assert len(debian.succeed(f"cat /proc/{guest}/mountinfo").splitlines()) == 1
    assert debian.succeed(f"ls -A /proc/{guest}/root/") == ""
    debian.succeed("systemctl restart hpcd.service", "systemctl daemon-reload")
    spin.goes_on()
    assert debian.succeed("journalctl -u hpcd -o cat | grep -c '1 guest containers are here'").strip() == "1"
    spin.migrate("home")
    spin.migrate(1)
    spin.finish()


# --- nodes that go (these end nodes: last) -------------------------------------------------------


def test_home_is_switched_off(cluster, away):
    """Guests without a home end, and the container with them."""
    node = cluster.nodes[2]
    spin = Spin(node)
    spin.migrate(2)
    node.kill()
    away.wait_until_succeeds("! ls /proc/hpc/remote | grep .", NOTICED + 2)
    node.start()
    node.wait_ready()
    prepare(node)
    # The same number, but another run of its kernel: another container.
    again = Spin(node)
    again.migrate(2)
    assert int(away.succeed("ls -d /sys/fs/cgroup/tessera/3-* | wc -l")) >= 1
    again.finish()


def test_target_is_switched_off(cluster, home, away):
    idle, spin = Spin(home), Spin(home)
    spin.migrate(2)
    mark = home.console.position()
    away.kill()
    assert spin.ended(NOTICED + 2) == LOST
    home.wait_for_console_text(rf"process {spin.pid} is lost with node 2: it no longer answers",
                               NOTICED, since=mark)
    idle.goes_on()
    away.start()
    away.wait_ready()
    prepare(away)
    idle.migrate(2)
    idle.finish()


