# SPDX-License-Identifier: GPL-2.0-only
"""The whole media, as `make soak-media` builds and boots them: longer than `make test` may take.

Menus, clusters and deadlines are those of tests/media.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

_spec = importlib.util.spec_from_file_location("tessera_media_fixtures", TOP / "tests/media/conftest.py")
media = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(media)
sys.path.insert(0, str(TOP / "tests/media"))
sys.path.insert(0, str(Path(__file__).parent))

pytest_addoption = media.pytest_addoption
make_cluster = media.make_cluster
room = media.room
BUILD, choose, entries, shot = media.BUILD, media.choose, media.entries, media.shot


def built(path, remedy):
    if not path.exists():
        pytest.skip(f"'{path}' is not built; '{remedy}' makes it")
    return path


@pytest.fixture(scope="session")
def iso():
    return built(BUILD / "iso" / "tessera.iso", "make iso")


@pytest.fixture(scope="session")
def debs():
    return built(BUILD / "media" / "debs", "make debs")
