# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the driver itself; none of them starts an emulated machine."""

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "ci"))
