# SPDX-License-Identifier: GPL-2.0-only
"""The engine's unit tests, which are kernel modules, in one node."""

import re

import pytest

from tessera.artifacts import BUILD, default_kernel

SUITES = ("hpc_admin", "hpc_nodes", "hpc_load", "hpc_ranges")


@pytest.fixture(scope="module")
def results(make_module_cluster):
    """What each suite wrote, by its name."""
    node = make_module_cluster(1).nodes[0]
    for module in ("kunit", "hpc_test"):
        node.copy_to(BUILD / "kernel" / default_kernel() / "kunit" / f"{module}.ko", f"/tmp/{module}.ko")
        node.succeed(f"insmod /tmp/{module}.ko")
    node.succeed("mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug")
    text = {s: node.succeed(f"cat /sys/kernel/debug/kunit/{s}/results") for s in SUITES}
    node.succeed("rmmod hpc_test && rmmod kunit")
    return text


@pytest.mark.parametrize("suite", SUITES)
def test_suite(results, suite):
    text = results[suite]
    assert re.search(rf"^ok \d+ {suite}$", text, re.MULTILINE), text
    assert "not ok" not in text
    assert len(re.findall(r"^ +ok ", text, re.MULTILINE)) >= 1
