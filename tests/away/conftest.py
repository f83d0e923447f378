# SPDX-License-Identifier: GPL-2.0-only
"""Clusters are those of tests/shared/clusters.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
pytest_plugins = ["clusters"]
