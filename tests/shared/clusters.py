# SPDX-License-Identifier: GPL-2.0-only
"""What all tests with clusters share: deadlines, and an eye on every console.

make_cluster(nodes, **options)          a Cluster that is up, for one test
make_module_cluster(nodes, **options)   the same, for all tests of a file
make_cluster.adopt(cluster)             starts one that was made otherwise, and ends it

A test fails if a node's kernel reported anything while it ran, or a node was
reset or ended unasked; node.expect_report() and node.expect_reset() say when
that is the plan. @pytest.mark.deadline(seconds) replaces the usual limit.
For a failed test the logs of all nodes, screen shots and the LANs' frames are
kept in build/test-logs/.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "ci"))

from tessera import Cluster, ClusterError  # noqa: E402
from tessera.cluster import clear_dead_runs  # noqa: E402
from tessera.timing import scale  # noqa: E402

DEADLINE = 300  # seconds for setup and body of a test, each
DEBUG_SCALE = 8  # how much slower the debug kernel may be
RECORD_MIB = 32  # frames kept of each LAN
LOGS = TOP / "build" / "test-logs"


class KernelComplaint(Exception):
    """A node did what no node may do."""


class DeadlinePassed(BaseException):
    """Not an Exception, so that no test takes it for one of its own."""


def pytest_addoption(parser):
    parser.addoption("--kernel", default=os.environ.get("KERNEL") or "base",
                     help="base, debug, or a bzImage (default: $KERNEL or base)")


def pytest_configure(config):
    config.addinivalue_line("markers", "deadline(seconds): how long setup and body may each take")
    os.environ["KERNEL"] = config.getoption("--kernel")
    if os.environ["KERNEL"] == "debug":
        os.environ.setdefault("TESSERA_TIMEOUT_SCALE", str(DEBUG_SCALE))
    scale()  # a wrong TESSERA_TIMEOUT_SCALE is said now
    clear_dead_runs()
    config.tessera_watch = Watch()
    Cluster.before_close.append(config.tessera_watch.closing)


def pytest_unconfigure(config):
    watch = getattr(config, "tessera_watch", None)
    if watch:
        Cluster.before_close.remove(watch.closing)


class Watch:
    """Looks at all clusters there are, and keeps what a failed test needs."""

    def __init__(self):
        self.marks = {}
        self.complaints = []
        self.folder = None  # where this test's logs go, should it fail
        self.failed = False

    def begin(self, item):
        """A new test: what was said before is not its business."""
        name = re.sub(r"[^A-Za-z0-9_.\[\]=-]", "_", item.nodeid.rpartition("/")[2])
        self.folder = LOGS / name[:120]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.failed, self.complaints = False, []

    def look(self):
        """Complaints since the last look, of clusters that are up or were closed."""
        for cluster in Cluster.open_clusters:
            self._look_at(cluster)
        found, self.complaints = self.complaints, []
        return found

    def _look_at(self, cluster):
        marks = cluster.marks()
        self.complaints += cluster.complaints(self.marks.get(cluster.folder))
        self.marks[cluster.folder] = marks

    def closing(self, cluster):
        """Called before any cluster ends."""
        self._look_at(cluster)
        self.marks.pop(cluster.folder, None)
        if self.folder:
            cluster.collect(self.folder / cluster.folder.name)

    def end(self):
        """The test, with its fixtures, is over: keeps the logs or not; returns those kept."""
        if not self.folder:
            return []
        if not self.failed:
            shutil.rmtree(self.folder, ignore_errors=True)
            return []
        for cluster in Cluster.open_clusters:
            cluster.collect(self.folder / cluster.folder.name)
        return sorted(path for path in self.folder.glob("*/*") if path.is_file())


def check(watch):
    found = watch.look()
    if found:
        raise KernelComplaint("\n\n".join(found))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs the test, then asks its nodes, so that a complaint is a failure of the test."""
    names = pyfuncitem._fixtureinfo.argnames
    pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    check(pyfuncitem.config.tessera_watch)
    return True


def _limit(item):
    marker = item.get_closest_marker("deadline")
    return (marker.args[0] if marker else DEADLINE) * scale()


def _with_deadline(item, what):
    seconds = _limit(item)

    def ring(*_):
        raise DeadlinePassed(f"{what} took longer than {seconds:g} s")
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    item.config.tessera_watch.begin(item)
    yield from _with_deadline(item, "setting up")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from _with_deadline(item, "the test")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    watch = item.config.tessera_watch
    if report.failed:
        watch.failed = True
        more = watch.look() if call.when != "teardown" else []
        if more:
            report.sections.append(("complaints of the nodes", "\n\n".join(more)))
    if report.when == "teardown":
        kept = watch.end()
        if kept:
            names = "\n".join(str(path.relative_to(TOP)) for path in kept)
            item.config.get_terminal_writer().line(f"\nkept for {item.nodeid}:\n{names}")


class Factory:
    """Makes clusters, and ends them all when its scope does."""

    def __init__(self, watch):
        self._watch = watch
        self._clusters = []

    def __call__(self, nodes=3, **options):
        """A cluster whose nodes all take commands; the options are Cluster's.

        Its nodes look for no others, unless discovery=True: a test's map is its own; and its
        processes move only when told to, unless balance=True.
        """
        options.setdefault("discovery", False)
        options.setdefault("balance", False)
        return self.adopt(Cluster(nodes, **options))

    def switch_on(self, cluster):
        """Starts a cluster, and takes care of its end."""
        self._clusters.append(cluster)
        cluster.start()
        for lan in cluster.lans if cluster.network == "hub" else ():
            cluster.record(cluster.folder / f"{lan}.pcap", RECORD_MIB, lan)
        return cluster

    def adopt(self, cluster):
        """The same, and waits until it is ready."""
        self.switch_on(cluster).wait_ready()
        return cluster

    def close(self):
        for cluster in self._clusters:
            cluster.close()
        check(self._watch)


@pytest.fixture
def make_cluster(request):
    factory = Factory(request.config.tessera_watch)
    yield factory
    factory.close()


@pytest.fixture(scope="module")
def make_module_cluster(request):
    factory = Factory(request.config.tessera_watch)
    yield factory
    factory.close()


__all__ = ["ClusterError", "make_cluster", "make_module_cluster"]
