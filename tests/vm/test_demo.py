# SPDX-License-Identifier: GPL-2.0-only
"""make demo QUICK=1, and README's commands for the cluster it leaves on, as they are written there.

How fast it was is no part of the verdict: the host may have other work.
"""

import os
import re
import subprocess

import pytest

from tessera.artifacts import BUILD, TOP
from tessera.client import is_up, take_down
from tessera.image import png_size_and_data
from tessera.timing import scale

FOLDER = BUILD / "cluster" / "demo"
KEPT = BUILD / "demo"
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")

pytestmark = pytest.mark.deadline(900)


@pytest.fixture(scope="module")
def said():
    """What the demonstration said; its cluster is on."""
    take_down(FOLDER)
    try:
        done = subprocess.run([PYTHON, "ci/demo/run", "--quick", "--keep"], cwd=TOP, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=840 * scale())
        print(done.stdout)
        assert done.returncode == 0, done.stdout
        yield done.stdout
    finally:
        take_down(FOLDER)


def row(said, name):
    found = re.search(rf"^  {name}  +(\S+)", said, re.M)
    assert found, f"no row '{name}'"
    return found.group(1)


def test_nothing_is_lost_and_the_table_says_so(said):
    assert int(row(said, "moves")) > 0
    assert row(said, "lost") == "0"
    same, of = re.search(r"^  results +(\d+) of (\d+) ", said, re.M).groups()
    assert same == of and int(of) > 0
    assert float(row(said, "alone")) > 0 and float(row(said, "on the cluster")) > 0
    assert float(row(said, "ratio")) > 0
    assert re.search(rf"a host with {os.cpu_count()} processor", said)


def test_it_tells_what_happened(said):
    for text in ("mosctl expel", "its plug is pulled", "is switched on", "has joined", "works for the others"):
        assert text in said
    assert (KEPT / "log").read_text() in said


def test_pictures_are_kept(said):
    for name in ("1-alone", "2-spread", "4-joined"):
        width, height, _ = png_size_and_data(KEPT / f"{name}.png")
        assert width >= 640 and height >= 350
        assert (KEPT / f"{name}.txt").read_text().startswith("Tessera  node 1  ")


def commands_of_readme():
    """The block that goes on where the demonstration ends."""
    text = (TOP / "README.md").read_text()
    block = re.search(r"^After the last one:\n\n((?:    .*\n)+)", text, re.M)
    assert block
    return [re.split(r" {2,}#", line.strip())[0] for line in block[1].splitlines()]


def test_readme_goes_on_where_it_ends(said):
    """All that need no terminal; the last one ends it."""
    ran = []
    for command in commands_of_readme():
        if command.endswith("sh node1"):
            continue
        done = subprocess.run(command, shell=True, cwd=TOP, text=True, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120 * scale())
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        ran.append((command, done.stdout))
    assert [command.split()[3] for command, _ in ran] == ["status", "sh", "down"]
    assert re.search(r"^node1 +running +yes", ran[0][1], re.M)
    assert re.search(r"^ +1\* up ", ran[1][1], re.M)
    assert not is_up(FOLDER)
