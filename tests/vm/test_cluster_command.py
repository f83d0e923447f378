# SPDX-License-Identifier: GPL-2.0-only
"""ci/cluster with nodes: what a person does, from several terminals."""

import json
import os
import pty
import re
import select
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tessera import process
from tessera.artifacts import CLUSTERS
from tessera.image import png_size_and_data
from tessera.timing import Deadline, retry, scale

TOP = Path(__file__).resolve().parents[2]
COMMAND = TOP / "ci" / "cluster"
NAME = f"command-test-{os.getpid()}"
FOLDER = CLUSTERS / NAME


def run(*words, status=0, timeout=240, **options):
    """Runs ci/cluster and asserts its exit status; returns its standard output."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([COMMAND, "--cluster", NAME, *words], capture_output=True, check=False,
                          timeout=timeout * scale(), **options)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode()


def state(node):
    """What status tells of a node."""
    return json.loads(run("status", "--json"))["nodes"][node - 1]


@pytest.fixture(scope="module", autouse=True)
def up():
    run("up", "--nodes", "2", "--seed", "5", "--dhcp")
    yield
    run("down")
    assert not list(CLUSTERS.glob(NAME + "*"))
    assert process.leftovers(FOLDER) == []


def test_status():
    status = json.loads(run("status", "--json"))
    assert status["network"] == "hub" and status["seed"] == "0x0000000000000005"
    assert [node["name"] for node in status["nodes"]] == ["node1", "node2"]
    retry(lambda: "10.20.0.1/16" in state(1)["addresses"], 30, "node1's address")
    node = state(2)
    assert node["ready"] and node["state"] == "running" and node["uptime_s"] > 0
    assert node["reports"] == [] and node["memory_mib"] > 0
    assert re.search(r"^node1 +running +yes .*10\.20\.0\.1/16", run("status"), re.M)


def test_commands_pass_on_words_streams_and_status():
    assert run("sh", "node1", "echo", "$((6*7));", "hostname") == "42\nnode1\n"
    assert run("sh", "2", "hostname") == "node2\n"
    run("sh", "1", "exit 17", status=17)
    run("sh", "1", "kill -9 $$", status=137)
    run("sh", "nobody", "true", status=2)
    data = os.urandom(1 << 20)
    done = subprocess.run([COMMAND, "--cluster", NAME, "sh", "1", "cat; echo err >&2"],
                          input=data, capture_output=True, check=True, timeout=60)
    assert done.stdout == data and done.stderr == b"err\n"


def test_several_at_once():
    """Each waits for all others: one after the other they would never end."""
    meet = "mkdir -p /tmp/m; : > /tmp/m/{0}; until [ -e /tmp/m/7 ] && set /tmp/m/* && " \
           "[ $# = 8 ]; do sleep 0.1; done; echo {0}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: run("sh", "1", meet.format(i)), range(8)))
    assert answers == [f"{i}\n" for i in range(8)]


def test_interrupted_commands_end_in_the_node():
    child = subprocess.Popen([COMMAND, "--cluster", NAME, "sh", "1", "sleep 4747"],
                             stdin=subprocess.DEVNULL)
    there = "ps | grep -q '[s]leep 4747'"
    retry(lambda: child.poll() is None and "yes" in run("sh", "1", f"{there} && echo yes; true"),
          30, "the command")
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == 130
    assert run("sh", "1", f"{there} || echo gone") == "gone\n"
    child = subprocess.Popen([COMMAND, "--cluster", NAME, "sh", "1", "sleep 4747"],
                             stdin=subprocess.DEVNULL)
    retry(lambda: "yes" in run("sh", "1", f"{there} && echo yes; true"), 30, "the command")
    child.kill()
    child.wait()
    retry(lambda: "gone" in run("sh", "1", f"{there} || echo gone"), 30, "its end")


class Terminal:
    """ci/cluster on a terminal of its own."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(COMMAND, [str(COMMAND), "--cluster", NAME, *words])
        self.seen = b""

    def wait_for(self, text):
        deadline = Deadline(30)
        while text not in self.seen:
            assert not deadline.passed, self.seen
            if select.select([self.fd], [], [], 0.2)[0]:
                self.seen += os.read(self.fd, 4096)
        self.seen = self.seen.partition(text)[2]

    def type(self, text):
        os.write(self.fd, text)

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_interactive_shell():
    shell = Terminal("sh", "node1")
    shell.wait_for(b"# ")
    shell.type(b"tty; sleep 4848\n")
    shell.wait_for(b"/dev/pts/")
    retry(lambda: "yes" in run("sh", "1", "ps | grep -q '[s]leep 4848' && echo yes; true"), 20, "sleep")
    shell.type(b"\x03")
    shell.type(b"echo st''ill; exit 6\n")
    shell.wait_for(b"still")
    assert shell.end() == 6


def test_leaving_a_shell_ends_what_ran_in_it():
    shell = Terminal("sh", "node1")
    shell.wait_for(b"# ")
    shell.type(b"exec sleep 4949\n")
    there = "ps | grep -q '[s]leep 4949'"
    retry(lambda: "yes" in run("sh", "1", f"{there} && echo yes; true"), 20, "sleep")
    shell.type(b"\x1d")
    assert shell.end() == 255
    assert "gone" in run("sh", "1", f"{there} || echo gone")


def test_console():
    assert "Linux version 6.12" in run("console", "1")
    keys = Terminal("console", "-i", "1")
    keys.wait_for(b"leaves")
    keys.type(b"\necho fr''om the console\n")
    keys.wait_for(b"from the console")
    keys.type(b"\x1d")
    assert keys.end() == 0
    assert "from the console" in run("console", "node1")
    run("console", "7", status=2)


def test_copies(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(1 << 20))
    run("cp", str(source), "node2:/tmp/copy")
    run("cp", "2:/tmp/copy", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    run("cp", "node2:/tmp/missing", str(tmp_path / "x"), status=1)
    run("cp", str(TOP / "ci"), "node1:/tmp/ci")
    assert "cluster" in run("sh", "1", "ls /tmp/ci")


def test_faults_and_cables():
    retry(lambda: state(2)["addresses"], 30, "an address")
    ping = ("sh", "1", "ping -c 1 -W 2 10.20.0.2 >/dev/null")
    run(*ping)
    run("fault", "cut", "1", "2", "--one-way")
    shown = run("fault", "show")
    assert "from=node1.0 to=node2.0" in shown and "cut=1" in shown and len(shown.splitlines()) == 1
    run(*ping, status=1)
    run("fault", "heal")
    run(*ping)
    run("fault", "partition", "node1", "node2")
    run(*ping, status=1)
    run("fault", "clear")
    run("fault", "delay", "100ms", "10ms", "--from", "1", "--to", "2")
    fault, = json.loads(run("fault", "show", "--json"))
    assert (fault["delay"], fault["jitter"]) == ("100", "10")
    run("fault", "clear")
    assert run("fault", "show") == ""
    run("fault", "loss", "7", status=2)
    assert "in_frames=" in run("fault", "stats")
    run("link", "2", "down")
    retry(lambda: run("sh", "2", "cat /sys/class/net/eth0/carrier").strip() == "0", 20, "no carrier")
    run("link", "2", "up")


def test_recording_and_screenshot(tmp_path):
    run("record", str(tmp_path / "lan.pcap"))
    run("sh", "1", "ping -c 1 -W 2 10.20.255.254 >/dev/null")
    run("record", "off")
    assert (tmp_path / "lan.pcap").stat().st_size > 100
    run("screenshot", "1", str(tmp_path / "s.png"))
    assert png_size_and_data(tmp_path / "s.png")[0] >= 640


def test_power():
    run("kill", "2")
    assert state(2)["state"] == "off"
    run("sh", "2", "true", status=255)
    run("kill", "2", status=2)
    run("start", "2")
    assert state(2)["ready"]
    run("reboot", "2", "--hard")
    run("sh", "2", "true")
    run("shutdown", "2")
    assert state(2)["state"] == "off"
    run("start", "2")


def test_a_second_up_is_refused_and_harms_nothing():
    run("up", status=1)
    run("sh", "1", "true")


def test_a_crash_of_the_owner_leaves_nothing_and_up_works_again():
    os.kill(int((FOLDER / "driver.pid").read_text()), signal.SIGKILL)
    retry(lambda: process.leftovers(FOLDER) == [], 20, "end of the nodes")
    run("status", status=1)
    run("up", "--nodes", "1")
    run("sh", "1", "true")
