# SPDX-License-Identifier: GPL-2.0-only
"""The patch series: each patch applies without fuzz, and what it touches then builds,
with CONFIG_HPC and without; and without it, all is as if there were no patch.

One pass through the series gives the answers to all tests here: it is made, step
by step, by the fixture `series`.
"""

import os
import time
from pathlib import Path

import pytest

from patchtree import OFF, ON, PatchTree, StepFailed, read_series, touched_files

TOP = Path(__file__).resolve().parents[2]
PATCHES = Path(os.environ.get("TESSERA_PATCHES", TOP / "patches"))
TARBALL = os.environ.get("KERNEL_SOURCE", "/usr/src/linux-source-6.12.tar.xz")
SERIES = read_series(PATCHES)


def witnesses():
    lines = (Path(__file__).parent / "witnesses.list").read_text().splitlines()
    return dict(line.split() for line in lines if line.strip() and not line.startswith("#"))


def sources_of(patch):
    """C files that show whether a patch builds: its own, and witnesses of its headers."""
    table = witnesses()
    changed, added = touched_files(PATCHES / patch)
    return {name if name.endswith(".c") else table[name] for name in changed + added
            if name.endswith(".c") or name in table}


SOURCES = sorted(set().union(*map(sources_of, SERIES)))


class Series:
    """What happened: {test subject: None or the error}, and the code of each object."""

    def __init__(self, build):
        self.tree = PatchTree(build / "tests" / "patches", TOP, TARBALL)
        self.applied, self.built = {}, {}
        self.before, self.after, self.hooked = {}, {}, {}

    def attempt(self, results, subject, action, *args):
        try:
            results[subject] = None
            return action(*args)
        except StepFailed as e:
            results[subject] = str(e)
            return None

    def go(self):
        tree = self.tree
        tree.open()
        tree.configure(OFF)
        tree.compile(OFF, SOURCES)
        self.before = {s: tree.code(OFF, s) for s in SOURCES}
        for patch in SERIES:
            self.attempt(self.applied, patch, tree.apply, PATCHES / patch)
            if self.applied[patch]:
                return
            for build in (OFF, ON) if sources_of(patch) else ():
                self.attempt(self.built, (patch, build), self.build_step, build, patch)
        for build, code in ((OFF, self.after), (ON, self.hooked)):
            tree.compile(build, SOURCES)
            code.update({s: tree.code(build, s) for s in SOURCES})

    def build_step(self, build, patch):
        self.tree.configure(build)
        self.tree.compile(build, sources_of(patch))


@pytest.fixture(scope="module")
def series(build):
    start = time.monotonic()
    s = Series(build)
    s.go()
    print(f"series of {len(SERIES)} patches, {len(SOURCES)} objects: "
          f"{time.monotonic() - start:.0f} s")
    return s


def test_series_is_complete():
    """Every patch is in the series, and every patch of the series is there."""
    assert sorted(SERIES) == sorted(p.name for p in PATCHES.glob("*.patch"))
    assert SERIES


@pytest.mark.parametrize("patch", SERIES)
def test_headers_have_a_witness(patch):
    changed, added = touched_files(PATCHES / patch)
    missing = [n for n in changed + added if n.endswith(".h") and n not in witnesses()]
    assert not missing, f"name a file that uses them in tests/build/witnesses.list: {missing}"


@pytest.mark.parametrize("patch", SERIES)
def test_is_small(patch):
    """Hooks call; what they call is in kernel/."""
    added = [line for line in (PATCHES / patch).read_text().splitlines()
             if line.startswith("+") and not line.startswith("+++")]
    assert len(added) < 60


@pytest.mark.parametrize("patch", SERIES)
def test_applies_without_fuzz(series, patch):
    assert series.applied.get(patch, "an earlier patch did not apply") is None


@pytest.mark.parametrize("option", [OFF, ON])
@pytest.mark.parametrize("patch", [p for p in SERIES if sources_of(p)])
def test_objects_build_after_each_patch(series, patch, option):
    assert series.built.get((patch, option), "an earlier patch did not apply") is None


@pytest.mark.parametrize("source", SOURCES)
def test_without_the_option_all_is_as_before(series, source):
    assert series.after, "the series does not apply"
    before, after = series.before[source].splitlines(), series.after[source].splitlines()
    assert len(before) > 100
    for number, (a, b) in enumerate(zip(before, after)):
        assert a == b, f"line {number} of the disassembly of {source}"
    assert len(before) == len(after)


def test_with_the_option_it_is_not(series):
    """Otherwise the comparison above compares nothing."""
    tree = series.tree
    assert series.hooked, "the series does not apply"
    assert tree.has_config_hpc(ON) and not tree.has_config_hpc(OFF)
    changed = [s for s in SOURCES if series.hooked[s] != series.before[s]]
    assert set(changed) >= {"kernel/fork.c", "fs/proc/base.c"}, changed
