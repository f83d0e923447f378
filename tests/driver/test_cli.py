# SPDX-License-Identifier: GPL-2.0-only
"""ci/cluster without a cluster: help, exit statuses, and what it says."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tessera import cli
from tessera.artifacts import CLUSTERS
from tessera.errors import UsageError

TOP = Path(__file__).resolve().parents[2]
NAME = f"driver-test-{os.getpid()}"


def run(*words, **environment):
    return subprocess.run([TOP / "ci" / "cluster", "--cluster", NAME, *words], text=True,
                          capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


COMMANDS = ("up", "status", "sh", "cp", "kill", "start", "reboot", "shutdown", "console",
            "screenshot", "link", "fault", "record", "dhcp", "down")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and command in done.stdout and not done.stderr


def test_help_lists_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert all(f"\n    {command} " in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("words", [
    (), ("frobnicate",), ("kill",), ("up", "--nodes", "0"), ("up", "--nodes", "many"),
    ("up", "--network", "ring"), ("up", "--stat"), ("up", "--kernel", "fast"),
    ("up", "--boot", "iso"), ("up", "--memory", "1"), ("link", "node1", "sideways"),
    ("cp", "a", "b"), ("cp", "n:a", "m:b"),
])
def test_wrong_usage_is_2(words):
    done = run(*words)
    assert done.returncode == 2 and done.stderr and not done.stdout


@pytest.mark.parametrize("words, status", [
    (("status",), 1), (("status", "--json"), 1), (("kill", "node1"), 1),
    (("fault", "heal"), 1), (("screenshot", "1", "x.png"), 1), (("cp", "README.md", "node1:/x"), 1),
    (("sh", "node1", "true"), 255), (("sh", "node1"), 255),
])
def test_no_cluster_says_how_to_start_one(words, status):
    done = run(*words)
    assert done.returncode == status
    assert "is not up; start it with 'ci/cluster up'" in done.stderr


def test_missing_kernel_names_the_remedy(tmp_path):
    done = run("up", "--kernel", str(tmp_path / "bzImage"))
    assert done.returncode == 1
    assert "bzImage' does not exist; run 'make kernel" in done.stderr
    assert not list(CLUSTERS.glob(f"{NAME}*"))


def test_down_of_nothing_is_fine():
    done = run("down")
    assert done.returncode == 0 and "was not up" in done.stderr


def test_down_clears_what_a_crash_left():
    folder = CLUSTERS / NAME
    folder.mkdir(parents=True)
    try:
        (folder / "driver.pid").write_text("999999999\n")
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(os.path.relpath(folder / "control.sock"))
        orphan = subprocess.Popen(["sleep", "1000"], env={**os.environ, "TESSERA_CLUSTER": str(folder)})
        done = run("down")
        assert done.returncode == 0, done.stderr
        assert orphan.wait(10) == -9
        assert not list(CLUSTERS.glob(f"{NAME}*"))
    finally:
        run("down")


def test_names_stay_in_their_folder():
    for name in ("../x", "", "a/b", "-x", "." * 5):
        done = subprocess.run([TOP / "ci" / "cluster", f"--cluster={name}", "down"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2 and "no name for a cluster" in done.stderr


def test_wrong_scale_is_said():
    done = run("up", "--kernel", "/dev/null", "--initramfs", "/dev/null", TESSERA_TIMEOUT_SCALE="x")
    assert done.returncode in (1, 2) and "TESSERA_TIMEOUT_SCALE" in done.stderr


@pytest.mark.parametrize("kind, text, value", [
    ("loss", "5%", 0.05), ("loss", "0.25", 0.25), ("dup", "100%", 1), ("reorder", ".5", 0.5),
    ("delay", "15ms", 15), ("delay", "15", 15), ("delay", "1.5s", 1500), ("jitter", "0", 0),
])
def test_amounts(kind, text, value):
    assert cli._amount(kind, text) == pytest.approx(value)


@pytest.mark.parametrize("kind, text", [
    ("loss", "5"), ("loss", "101%"), ("loss", "5ms"), ("loss", "-1%"), ("loss", "x"),
    ("delay", "5%"), ("delay", "-1"), ("delay", "1h"), ("delay", ""),
])
def test_amounts_that_are_none(kind, text):
    with pytest.raises(UsageError):
        cli._amount(kind, text)
