# SPDX-License-Identifier: GPL-2.0-only
"""The cases on this machine, where nothing is moved: they must be right to begin with."""

import subprocess

import pytest

import cases


def drive(*words, timeout=600):
    done = subprocess.run([cases.program("driver"), *map(str, words)], capture_output=True,
                          text=True, timeout=timeout)
    return done, cases.outcomes(done.stdout)


@pytest.fixture(scope="module")
def all_cases(request):
    wanted = [item.callspec.params["name"] for item in request.session.items
              if "all_cases" in getattr(item, "fixturenames", ())]
    return drive("--jobs", 8, *[cases.program(f"cases/{name}") for name in wanted])[1]


@pytest.mark.deadline(600)
@pytest.mark.parametrize("name", cases.NAMES)
def test_right_where_nothing_moves(all_cases, name):
    assert name in all_cases, "the driver says nothing of it"
    outcome = all_cases[name]
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.passed, "\n".join(outcome.remarks)


# --- the driver itself -----------------------------------------------------------


def script(tmp_path, text, name="case"):
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("text, said", [
    ("echo PASS", None),
    ("echo PASS; exit 3", "exit status 3"),
    ("exit 0", "ended without a result"),
    ("echo PASS; kill -9 $$", "ended by signal 9"),
    ("echo FAIL a.c:1 x, wanted 1, got 2", "a.c:1 x, wanted 1, got 2"),
    ("echo FAIL a.c:1 x; exit 1", "a.c:1 x"),
    ("echo POINT 1 blocked $$ here; read a; [ $a = go ] && read b; exit 1",
     "took longer than 2 s, since point 1 (here)"),
    ("echo POINT 1 blocked $$ one; read a; echo POINT 2 blocked $$ two; read b;"
     "[ $a$b = goend ] && echo PASS", None),
    ("echo POINT x; read a; exit 1", "not understood: POINT x"),
    ("sleep 100 & echo PASS", None),
])
def test_what_a_case_can_do(tmp_path, text, said):
    done, results = drive("--timeout", 2, script(tmp_path, text))
    outcome = results["case"]
    assert outcome.passed == (said is None), done.stdout
    assert done.returncode == (0 if said is None else 1)
    assert said is None or any(said in line for line in outcome.remarks), done.stdout


def test_skipped(tmp_path):
    done, results = drive(script(tmp_path, "echo SKIP no such thing here"))
    assert results["case"].passed and results["case"].skipped == "no such thing here"
    assert done.returncode == 0


def test_arguments_and_plan(tmp_path):
    done, results = drive(f"{script(tmp_path, 'echo SAW $*; echo PASS')}:5:six")
    assert results["case"].passed and "says: SAW 5 six" in results["case"].remarks


def test_reports_of_many_are_in_one_piece(tmp_path):
    names = [script(tmp_path, f"sleep 0.{i}; echo PASS", f"case{i}") for i in range(9)]
    done, results = drive("--jobs", 9, *names)
    assert sorted(results) == [path.name for path in names]
    assert done.stdout.startswith("TAP version 13\n1..9\n")
    assert all(outcome.passed for outcome in results.values())


@pytest.mark.parametrize("words", [
    [], ["--plan", "2/home", "/bin/true"], ["--plan", "", "/bin/true"], ["--plan", "x", "/bin/true"],
    ["--plan", "65536", "/bin/true"], ["--random", "5", "/bin/true"], ["--timeout", "0", "/bin/true"],
    ["--jobs", "1000", "/bin/true"], ["--unknown"],
])
def test_wrong_usage(words):
    done, _ = drive(*words)
    assert done.returncode == 2 and "driver: " in done.stderr
