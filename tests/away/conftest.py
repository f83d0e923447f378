# SPDX-License-Identifier: GPL-2.0-only
"""Clusters, deadlines and the eye on every console are those of the VM tests."""

import importlib.util
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]

_spec = importlib.util.spec_from_file_location("tessera_vm_fixtures",
                                               TOP / "tests" / "vm" / "conftest.py")
vm = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(vm)
sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(pluginmanager):
    pluginmanager.register(vm, "tessera_vm_fixtures")


# To pytest the fixtures of a file of that name are its own folder's.
make_cluster = vm.make_cluster
make_module_cluster = vm.make_module_cluster
