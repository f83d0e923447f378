# SPDX-License-Identifier: GPL-2.0-only
"""The whole media, as `make soak SOAK=media` builds and boots them: longer than `make test` may take.

Clusters and menus are those of tests/shared.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
pytest_plugins = ["clusters", "menus"]


def built(path, remedy):
    if not path.exists():
        pytest.skip(f"'{path}' is not built; '{remedy}' makes it")
    return path


@pytest.fixture(scope="session")
def iso(build):
    return built(build / "iso" / "tessera.iso", "make iso")


@pytest.fixture(scope="session")
def debs(build):
    return built(build / "media" / "debs", "make debs")
