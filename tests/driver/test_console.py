# SPDX-License-Identifier: GPL-2.0-only
"""Kernel reports are found in console logs, and nothing else is."""

import threading
from pathlib import Path

import pytest

from tessera.console import Console, scan
from tessera.errors import WaitTimeout

REPORTS = sorted((Path(__file__).parent / "console").glob("*.log"))


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_golden_logs(path):
    """The first line of each log names the reports in it, in order: kind@line."""
    expected, _, log = path.read_text().partition("\n")
    found = [f"{report.kind}@{report.line}" for report in scan(log)]
    assert found == expected.split()


def test_there_are_golden_logs():
    assert len(REPORTS) >= 12


def test_lines_of_a_serial_console_end_in_crlf():
    log = "[    1.000000] fine\r\n[    2.000000] WARNING: CPU: 0 PID: 1 at mm/slab.c:1 f+0x1/0x2\r\n"
    report, = scan(log)
    assert report.line == 2 and report.headline.endswith("f+0x1/0x2")


def test_report_carries_what_follows_it():
    log = "\n".join(["[    1.000000] BUG: unable to handle page fault for address: 0000"]
                    + [f"[    1.000000] line {i}" for i in range(100)])
    report, = scan(log)
    assert "line 20" in report.text and "line 99" not in report.text


def test_waiting_for_text_that_comes_in_pieces(tmp_path):
    console = Console(tmp_path / "log", "node")
    with open(console.path, "wb", buffering=0) as log:
        log.write(b"old needle\r\n")
        mark = console.position()
        timers = [threading.Timer(delay, log.write, [data]) for delay, data in
                  ((0.1, b"new nee"), (0.3, b"dle 42\r\n"))]
        for timer in timers:
            timer.start()
        match = console.wait_for(r"^new needle (\d+)$", 10, since=mark)
        for timer in timers:
            timer.join()
    assert match[1] == "42"


def test_waiting_in_vain_shows_the_end_of_the_log(tmp_path):
    console = Console(tmp_path / "log", "node")
    with pytest.raises(WaitTimeout, match="needle"):
        console.wait_for("needle", 0.1)
    console.path.write_text("the last words")
    with pytest.raises(WaitTimeout, match="the last words"):
        console.wait_for("needle", 0.1)
