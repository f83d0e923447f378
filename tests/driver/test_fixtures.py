# SPDX-License-Identifier: GPL-2.0-only
"""What tests/shared/clusters.py promises, tried on clusters that are never switched on."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

PROLOGUE = """
import time
import pytest
from tessera import Cluster

BUG = "[    9.000100] BUG: KASAN: slab-out-of-bounds in hpc_f+0x1/0x2\\n"

@pytest.fixture
def node():
    cluster = Cluster(1)
    yield cluster.nodes[0]
    cluster.close()

def log(node, text):
    with open(node.console.path, "a") as console:
        console.write(text)
"""


@pytest.fixture
def pytest_run(tmp_path):
    """Runs pytest, with the fixtures of clusters, on a file; returns (status, output)."""
    name = f"test_sample_{os.getpid()}"

    def run(body, *options, **environment):
        path = tmp_path / f"{name}.py"
        path.write_text(PROLOGUE + body)
        (tmp_path / "conftest.py").write_text("import sys\n"
                                              f"sys.path.insert(0, {str(TOP / 'tests/shared')!r})\n"
                                              "pytest_plugins = ['clusters']\n")
        done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-rA",
                               "--rootdir", tmp_path, *options, path], capture_output=True, text=True,
                              timeout=60, check=False, cwd=TOP, env={**os.environ, **environment})
        return done.returncode, done.stdout + done.stderr
    yield run
    for folder in (TOP / "build/test-logs").glob(f"{name}.py*"):
        shutil.rmtree(folder)


def outcome(output, test):
    """PASSED, FAILED, ERROR... as the summary has it."""
    return re.findall(rf"^(\w+) \S*::{test}\b", output, re.M)


def test_reports_fail_the_test_in_which_they_came(pytest_run):
    status, output = pytest_run("""
def test_before(node):
    log(node, "[    1.000000] all is well\\n")
def test_report(node):
    log(node, BUG)
def test_expected(node):
    node.expect_report("hpc_f")
    log(node, BUG)
def test_after(node):
    pass
""")
    assert status == 1
    assert [outcome(output, f"test_{name}")[0] for name in ("before", "report", "expected", "after")] \
        == ["PASSED", "FAILED", "PASSED", "PASSED"]
    assert "node1: kernel report (kasan)" in output and "hpc_f+0x1/0x2" in output


def test_reports_between_tests_are_not_lost(pytest_run):
    """What a shared node says while it is made, or taken down, fails something."""
    status, output = pytest_run("""
@pytest.fixture(scope="module")
def shared(make_module_cluster):
    cluster = Cluster(1)
    make_module_cluster._clusters.append(cluster)
    yield cluster.nodes[0]
    log(cluster.nodes[0], BUG.replace("KASAN", "KCSAN"))
def test_one(shared):
    log(shared, BUG)
def test_two(shared):
    pass
""")
    assert status == 1
    assert outcome(output, "test_one") == ["FAILED"]
    assert sorted(outcome(output, "test_two")) == ["ERROR", "PASSED"]
    assert "BUG: KCSAN" in output


def test_logs_of_failed_tests_are_kept_and_named(pytest_run):
    _, output = pytest_run("""
def test_good(node):
    log(node, "good words\\n")
def test_bad(node):
    log(node, "last words\\n")
    assert False
""")
    kept = re.findall(r"^build/test-logs/\S+$", output, re.M)
    assert len(kept) == 1 and "test_bad" in kept[0] and kept[0].endswith("node1-console.log")
    assert (TOP / kept[0]).read_text() == "last words\n"


def test_deadlines_end_tests(pytest_run):
    start = time.monotonic()
    status, output = pytest_run("""
@pytest.mark.deadline(0.5)
def test_slow():
    try:
        time.sleep(50)
    except Exception:
        pass
def test_fast():
    pass
""", TESSERA_TIMEOUT_SCALE="1")
    assert status == 1 and time.monotonic() - start < 40
    assert outcome(output, "test_slow") == ["FAILED"] and outcome(output, "test_fast") == ["PASSED"]
    assert "the test took longer than 0.5 s" in output


def test_the_kernel_is_chosen_by_option_or_variable(pytest_run):
    body = """
import os
from tessera.timing import scale
def test_it(node):
    print("chosen", os.environ["KERNEL"], node.spec.mem, scale())
"""
    environment = {"KERNEL": "", "TESSERA_TIMEOUT_SCALE": "1"}
    assert "chosen base 384 1.0" in pytest_run(body, **environment)[1]
    assert "chosen debug 768 1.0" in pytest_run(body, "--kernel", "debug", **environment)[1]
    assert "chosen debug 768 1.0" in pytest_run(body, **{**environment, "KERNEL": "debug"})[1]


def test_leftovers_of_dead_runs_are_cleared(pytest_run):
    folder = TOP / "build/cluster/run-999999999-1"
    (folder / "node1").mkdir(parents=True)
    pytest_run("def test_it(): pass")
    assert not folder.exists() and not Path(f"{folder}.lock").exists()
