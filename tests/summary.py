#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Adds up pytest's JUnit reports: usage: summary.py REPORT.xml...

A report that is missing or unreadable, or with a file REPORT.xml.problem beside
it, counts as one failure: a test run that broke must never look like a good one.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def count(report):
    """(passed, [names of failed], [(name, reason) of skipped])"""
    passed, failed, skipped = 0, [], []
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif skip is not None:
            skipped.append((name, skip.get("message")))
        else:
            passed += 1
    return passed, failed, skipped


def main(reports):
    passed, failed, skipped = 0, [], []
    for report in map(Path, reports):
        try:
            p, f, s = count(report)
        except (OSError, ET.ParseError) as e:
            failed.append(f"{report.stem}: no report of its tests ({e})")
            continue
        passed += p
        failed += f
        skipped += s
        problem = Path(f"{report}.problem")
        if problem.exists():
            failed.append(f"{report.stem}: {problem.read_text().strip()}")
    if skipped:
        print(f"skipped {len(skipped)}:")
        for name, reason in skipped:
            print(f"  {name}: {reason}")
    if failed:
        print("failed:")
        for name in failed:
            print(f"  {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
