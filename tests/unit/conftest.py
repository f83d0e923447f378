# SPDX-License-Identifier: GPL-2.0-only
"""Unit tests in C: each cmocka test of each tests/unit/test_*.c is one test here.

A program is run once for every way it was built, and its report (JUnit, which
cmocka writes itself) tells how each test went.  One more test per program asks
for what no single test shows: exit status, sanitizer reports, tests that ran
but are not in the source.
"""

import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("TESSERA_BUILD", "build"))
FLAVOURS = ("unit", "unit-sanitized")
DEADLINE = 120


class ProgramRun:
    """One run of one test program, made when first asked for."""

    def __init__(self, path):
        self.path = path
        self._cases = None

    def cases(self):
        if self._cases is None:
            self._run()
        return self._cases

    def _run(self):
        report = self.path.with_name(self.path.name + ".xml")
        report.unlink(missing_ok=True)
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="XML", CMOCKA_XML_FILE=str(report),
                   ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
        try:
            done = subprocess.run([str(self.path)], env=env, timeout=DEADLINE, text=True,
                                  errors="replace", stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.status, self.output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as e:
            self.status, self.output = f"still running after {DEADLINE} s", str(e.output)
        except OSError as e:
            self.status, self.output = f"not started: {e}; run 'make unit-tests'", ""
        self._cases = self._read(report)

    def _read(self, report):
        try:
            tree = ET.parse(report)
        except (OSError, ET.ParseError):
            return {}
        return {case.get("name"): case for case in tree.iter("testcase")}


class CaseFailed(Exception):
    pass


class CaseItem(pytest.Item):
    def __init__(self, *, run, case, **kwargs):
        super().__init__(**kwargs)
        self.run, self.case = run, case

    def runtest(self):
        found = self.run.cases().get(self.case)
        if found is None:
            raise CaseFailed(f"did not run; exit status {self.run.status}\n{self.run.output}")
        if found.find("skipped") is not None:
            pytest.skip("skipped by the test itself")
        bad = found.find("failure")
        if bad is None:
            bad = found.find("error")
        if bad is not None:
            raise CaseFailed(f"{bad.get('message') or ''}{bad.text or ''}\n{self.run.output}")

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, self.name


class ProgramItem(CaseItem):
    def runtest(self):
        unknown = set(self.run.cases()) - self.case
        if self.run.status != 0:
            raise CaseFailed(f"exit status {self.run.status}\n{self.run.output}")
        if re.search(r"runtime error:|ERROR: \w+Sanitizer", self.run.output):
            raise CaseFailed(f"a sanitizer reported\n{self.run.output}")
        if unknown:
            raise CaseFailed(f"ran without being listed in the source: {sorted(unknown)}")


class UnitFile(pytest.File):
    def collect(self):
        names = re.findall(r"\bcmocka_unit_test\w*\(\s*(\w+)", self.path.read_text())
        if not names:
            raise self.CollectError(f"{self.path}: no cmocka_unit_test(...) in it")
        for flavour in FLAVOURS:
            run = ProgramRun(BUILD / "tests" / flavour / self.path.stem)
            for name in names:
                yield CaseItem.from_parent(self, name=f"{name}[{flavour}]", run=run, case=name)
            yield ProgramItem.from_parent(self, name=f"whole-program[{flavour}]", run=run,
                                          case=set(names))


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".c" and file_path.name.startswith("test_"):
        return UnitFile.from_parent(parent, path=file_path)
    return None
