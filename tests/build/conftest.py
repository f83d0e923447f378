# SPDX-License-Identifier: GPL-2.0-only
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def top():
    """The source tree."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build(top):
    """Where everything is built."""
    return Path(os.environ.get("TESSERA_BUILD", top / "build"))
