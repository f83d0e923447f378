# SPDX-License-Identifier: GPL-2.0-only
"""Deadlines, and the factor for slow hosts."""

import time

import pytest

from tessera.errors import UsageError, WaitTimeout
from tessera.timing import Deadline, retry, scale


def test_scale_makes_all_waits_longer(monkeypatch):
    monkeypatch.setenv("TESSERA_TIMEOUT_SCALE", "2.5")
    assert Deadline(10).seconds == 25
    monkeypatch.delenv("TESSERA_TIMEOUT_SCALE")
    assert Deadline(10).seconds == 10


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf", "1e9"])
def test_nonsense_is_refused(monkeypatch, text):
    monkeypatch.setenv("TESSERA_TIMEOUT_SCALE", text)
    with pytest.raises(UsageError, match="TESSERA_TIMEOUT_SCALE"):
        scale()


def test_deadline_passes_and_never_goes_negative():
    deadline = Deadline(0.05)
    assert not deadline.passed and 0 < deadline.remaining() <= 0.05 * scale()
    time.sleep(0.06 * scale())
    assert deadline.passed and deadline.remaining() == 0


def test_retry_returns_the_first_true_answer():
    answers = iter([None, 0, "", "yes", "no"])
    assert retry(lambda: next(answers), 10, "an answer", interval=0.001) == "yes"


def test_retry_gives_up_with_what_it_saw():
    calls = []
    with pytest.raises(WaitTimeout, match=r"an answer: not within 0.1 s; last seen: \d+ calls"):
        retry(lambda: calls.append(1), 0.1 / scale(), "an answer", interval=0.01,
              seen=lambda: f"{len(calls)} calls")
    assert len(calls) > 2


def test_retry_looks_once_more_after_the_deadline():
    """A condition that came true during the last pause is no timeout."""
    start = time.monotonic()
    limit = 0.2 * scale()
    assert retry(lambda: time.monotonic() - start >= limit, 0.2, "the end", interval=10)


def test_errors_are_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 // 0, 10, "nothing")
