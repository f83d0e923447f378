# SPDX-License-Identifier: GPL-2.0-only
"""Clusters are those of tests/shared/clusters.py; the first two nodes have names here."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
pytest_plugins = ["clusters"]


@pytest.fixture
def home(cluster):
    """Where the programs of a test are started."""
    return cluster.nodes[0]


@pytest.fixture
def away(cluster):
    """Where they go first."""
    return cluster.nodes[1]
