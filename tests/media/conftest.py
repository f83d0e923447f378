# SPDX-License-Identifier: GPL-2.0-only
"""Media, booted: clusters and menus are those of tests/shared.

TESSERA_ISO names the ISO image that is tested; by default build/iso-test/tessera.iso, the
short form that `make test` makes of the Debian root it has anyway.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
pytest_plugins = ["clusters", "menus"]


@pytest.fixture(scope="session")
def iso(build):
    path = Path(os.environ.get("TESSERA_ISO", build / "iso-test" / "tessera.iso"))
    if not path.exists():
        pytest.skip(f"'{path}' is not built; 'make iso-test' or 'make iso' makes one")
    return path
