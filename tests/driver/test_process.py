# SPDX-License-Identifier: GPL-2.0-only
"""Children of the driver end with it, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from tessera import process
from tessera.errors import ClusterError
from tessera.timing import retry

DRIVER = """
import sys, threading
sys.path.insert(0, {ci!r})
from pathlib import Path
from tessera import process
def start():
    child = process.start(["sleep", "1000"], Path({folder!r}), Path({folder!r}) / "log")
    print(child.pid, flush=True)
# From a thread that ends at once: its end must not be taken for the driver's.
thread = threading.Thread(target=start)
thread.start()
thread.join()
sys.stdin.read()
"""


@pytest.fixture
def driver(tmp_path):
    ci = os.path.dirname(os.path.dirname(process.__file__))
    child = subprocess.Popen([sys.executable, "-B", "-c",
                              DRIVER.format(ci=ci, folder=str(tmp_path))],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield child
    child.kill()
    child.communicate()


def running(pid):
    """True while a process lives; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_driver_takes_its_children_along(driver):
    pid = int(driver.stdout.readline())
    assert running(pid)
    driver.send_signal(signal.SIGKILL)
    retry(lambda: not running(pid), 10, "end of the child")


def test_leftovers_are_found_by_their_mark(driver, tmp_path):
    pid = int(driver.stdout.readline())
    retry(lambda: process.leftovers(tmp_path) == [pid], 10, "the mark")
    assert process.leftovers(tmp_path / "other") == []
    assert process.kill_leftovers(tmp_path) == [pid]
    retry(lambda: not running(pid), 10, "its end")


def test_missing_programs_are_named(tmp_path):
    child = process.start(["no-such-program"], tmp_path, tmp_path / "log")
    assert child.wait() != 0
    assert "no-such-program" in (tmp_path / "log").read_text()


def test_missing_tools_name_their_package(monkeypatch):
    from tessera import artifacts
    monkeypatch.setattr(process, "search_path", lambda: "/nonexistent")
    monkeypatch.setattr(artifacts, "search_path", lambda: "/nonexistent")
    with pytest.raises(ClusterError, match=r"qemu-system-x86.*make deps"):
        artifacts.qemu()
    with pytest.raises(ClusterError, match=r"'dnsmasq'.*dnsmasq-base.*make deps"):
        artifacts.tool("dnsmasq", "dnsmasq-base")
