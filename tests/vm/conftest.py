# SPDX-License-Identifier: GPL-2.0-only
"""Clusters are those of tests/shared/clusters.py; the first two nodes have names here."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ci"))
pytest_plugins = ["clusters"]

from tessera import ClusterError  # noqa: E402


@pytest.fixture
def home(cluster):
    """Where the programs of a test are started; those that a failed one left end with it."""
    node = cluster.nodes[0]
    yield node
    with suppress(ClusterError):
        node.execute("killall -q -KILL spin carry")


@pytest.fixture
def away(cluster):
    """Where they go first."""
    return cluster.nodes[1]
