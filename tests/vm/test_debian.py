# SPDX-License-Identifier: GPL-2.0-only
"""The Debian root boots over the node's initramfs, and real programs run in it."""

import re
import time

import pytest

from moving import Program, Spin, prepare
from tessera.artifacts import BUILD


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    return make_module_cluster([{"root": "debian", "set_number": False}, {}], dhcp=True, balance=False)


@pytest.fixture(scope="module")
def debian(cluster):
    begin = time.monotonic()
    node = cluster.nodes[0]
    node.wait_for_console_text(r"root@\S+:\S*# ", timeout=90)
    print(f"Debian's prompt after {time.monotonic() - begin:.1f} s")
    return node


def test_it_starts_completely(debian):
    assert debian.succeed("systemctl is-system-running --wait", timeout=90).strip() == "running"
    print(debian.succeed("systemd-analyze; systemd-analyze blame --no-pager | head"))
    assert debian.succeed("systemctl --failed --no-legend --plain") == ""
    assert "trixie" in debian.succeed("cat /etc/os-release")


def test_it_is_a_node_like_any_other(debian):
    assert debian.address(begins="10.20.") == "10.20.0.1"
    debian.wait_until_succeeds("grep -qx 1 /proc/hpc/admin/mospe", timeout=10)
    debian.wait_for_console_text(r"Tessera \S+, Linux 6\.12")
    debian.wait_for_console_text(r"node 1, host name node1\s+eth0 10\.20\.0\.1/16")
    assert debian.succeed("getent hosts node1").split() == ["10.20.0.1", "node1"]
    debian.succeed("command -v setpe && command -v showmap")


def test_nothing_answers_the_network(debian):
    sockets = debian.succeed("ss -Hltun").splitlines()
    # The DHCP client, and hpcd, which is there to be asked.
    known = r"^udp\s.*\s0\.0\.0\.0:68\s|^tcp\s.*:4660\s"
    assert [line for line in sockets if not re.search(known, line)] == []


def test_the_device_is_only_read(debian):
    assert debian.succeed("findmnt -no FSTYPE /").strip() == "overlay"
    debian.succeed("echo gone > /root/note && sync")
    assert debian.succeed("cat /sys/block/vda/ro").strip() == "1"
    assert debian.succeed("awk '{ print $5 }' /sys/block/vda/stat").strip() == "0"


def test_the_console_has_a_shell(debian):
    debian.console_send("echo seven times six is $((6 * 7))\n")
    debian.wait_for_console_text("seven times six is 42")
    assert "/dev/tty1" in debian.succeed("for p in /proc/[0-9]*; do readlink $p/fd/0; done; true")


PROGRAMS = {
    "python3": ("python3 -c 'import json, hashlib; print(hashlib.sha256(b\"x\").hexdigest()[:8])'",
                "2d711642"),
    "perl": ("perl -e 'print join \",\", sort { $a <=> $b } (10, 9, 2)'", "2,9,10"),
    "gcc and make": ("cd /tmp && printf 'int main(void) { return 42; }' > t.c && make -s t CC=gcc"
                     " && { ./t; echo $?; }", "42"),
    "xz": ("seq 1000 | xz | xz -d | tail -n 1", "1000"),
    "bzip2": ("seq 1000 | bzip2 | bzip2 -d | tail -n 1", "1000"),
    "zstd": ("seq 1000 | zstd -q | zstd -dq | tail -n 1", "1000"),
    "openssl": ("printf abc | openssl dgst -sha256 -r | cut -c 1-8", "ba7816bf"),
    "sqlite3": ("sqlite3 :memory: 'create table t(n); insert into t values(20),(22);"
                " select sum(n) from t;'", "42"),
    "bc": ("echo '2^100' | bc", "1267650600228229401496703205376"),
    "povray": ("printf 'camera { location -z*3 } sphere { 0, 1 pigment { rgb 1 } } light_source { -9 }'"
               " > /tmp/s.pov && povray -D +W32 +H24 +O/tmp/s.png /tmp/s.pov 2>/dev/null >&2"
               " && file -b /tmp/s.png | cut -d, -f 1,2", "PNG image data, 32 x 24"),
    "gdb": ("gdb -batch -ex 'print 6 * 7' 2>/dev/null | tail -n 1", "$1 = 42"),
    "gdb at a process": ("sleep 60 & gdb -batch -p $! -ex 'info threads' 2>/dev/null | grep -c sleep;"
                         " kill $!", "1"),
    "strace": ("strace -e trace=write -o /tmp/trace echo hello >/dev/null && grep -c hello /tmp/trace", "1"),
    "tmux": ("tmux new-session -d -s t 'sleep 30' && tmux list-sessions -F '#S'; tmux kill-server", "t"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(debian, program):
    command, expected = PROGRAMS[program]
    assert debian.succeed(command, timeout=120).strip() == expected


def test_gdb_and_strace_at_a_process_that_is_away(cluster, debian):
    """It comes home for them, and may leave again."""
    prepare(*cluster.nodes)
    debian.copy_to(BUILD / "tests" / "family", "/tmp/family", mode=0o755)
    family = Program(debian, "family", "0 3")
    family.migrate(2)
    said = debian.succeed(f"gdb -batch -p {family.pid} -ex 'thread apply all print $pc' -ex 'print threads' 2>&1",
                          timeout=60)
    assert "$4 = 3" in said, said
    assert family.where() == 0
    family.migrate(2)
    said = debian.succeed(f"timeout -s INT 3 strace -f -p {family.pid} 2>&1 || true")
    assert f"Process {family.pid} attached with 3 threads" in said, said
    assert f"Process {family.pid} detached" in said and "write(" in said, said
    assert family.where() == 0
    family.migrate(2)
    family.finish()


def test_restart_begins_anew_and_power_off_is_clean(cluster, debian):
    """By its unit of systemd, hpcd sends guests home first."""
    debian.reboot()
    debian.fail("test -e /root/note")
    debian.wait_for_console_text(r"root@\S+:\S*# ", timeout=90)
    prepare(*cluster.nodes)
    home = cluster.nodes[1]
    guest = Spin(home)
    guest.migrate(1)
    debian.shutdown(timeout=120)
    assert guest.where() == 0
    guest.goes_on()
    guest.finish()
