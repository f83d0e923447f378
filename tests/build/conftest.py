# SPDX-License-Identifier: GPL-2.0-only
import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Ignored in what runs in the background, and then in all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def top():
    """The source tree."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build(top):
    """Where everything is built."""
    return Path(os.environ.get("TESSERA_BUILD", top / "build"))
