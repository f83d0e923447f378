# SPDX-License-Identifier: GPL-2.0-only
"""What systemd is told of the daemons: a machine that goes down sends its guests home, within a time."""

import configparser
import os
import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def unit(top):
    parser = configparser.RawConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read(top / "rootfs/node/usr/lib/tessera/hpcd.service")
    return parser


def test_packages_have_the_unit(top):
    lines = (top / "image/debs/tessera-node/files").read_text().splitlines()
    for name in ("hpcd", "omdiscd"):
        assert f"rootfs/node/usr/lib/tessera/{name}.service /usr/lib/systemd/system/{name}.service" in lines


@pytest.mark.parametrize("state, leaves", [("stopping", True), ("running", False), ("degraded", False)])
def test_hpcd_leaves_with_the_machine_only(unit, tmp_path, state, leaves):
    """The line as systemd carries it out, with programs in the place of mosctl and systemctl."""
    command = unit["Service"]["ExecStop"]
    shell, option, script = re.fullmatch(r"(\S+) (-c) '(.*)'", command).groups()
    assert "/usr/bin/mosctl" in script
    script = script.replace("$$", "$").replace("/usr/bin/mosctl", str(tmp_path / "mosctl"))
    for name, does in (("systemctl", f"echo {state}"), ("mosctl", f'echo "$@" > {tmp_path}/said')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    subprocess.run([shell, option, script], check=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (tmp_path / "said").exists() == leaves
    if leaves:
        words = (tmp_path / "said").read_text().split()
        assert words[0] == "-t" and words[2:] == ["leave"]
        # systemd waits longer than mosctl does, and not for ever.
        assert 0 < int(words[1]) < int(unit["Service"]["TimeoutStopSec"]) <= 60


def test_it_is_stopped_while_there_is_a_network(unit):
    assert "network.target" in unit["Unit"]["After"].split()
