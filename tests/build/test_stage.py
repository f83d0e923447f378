# SPDX-License-Identifier: GPL-2.0-only
"""config/stage: what makes it work again, and that a broken build never looks complete."""

import os
import signal
import subprocess
import time

import pytest


@pytest.fixture
def stage(top, tmp_path):
    """Calls config/stage in a folder of its own; returns the finished process."""

    def call(*arguments, **options):
        return subprocess.run([top / "config/stage", *arguments], cwd=tmp_path, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60,
                              **options)
    return call


@pytest.fixture
def make_out(stage, tmp_path):
    """A stage that copies `in` to `out` and counts its runs in `runs`."""
    (tmp_path / "in").write_text("one")
    (tmp_path / "runs").write_text("")

    def call():
        done = stage("out", "in", "--", "sh", "-c", 'echo >> runs; cp in "$OUT"')
        assert done.returncode == 0, done.stdout
        return len((tmp_path / "runs").read_text())
    return call


def test_same_input_is_not_made_again(make_out):
    assert make_out() == 1
    assert make_out() == 1


def test_touch_does_not_count(make_out, tmp_path):
    make_out()
    os.utime(tmp_path / "in", (1, 1))
    assert make_out() == 1
    os.utime(tmp_path / "in")
    assert make_out() == 1


def test_content_counts(make_out, tmp_path):
    make_out()
    (tmp_path / "in").write_text("two")
    assert make_out() == 2
    assert (tmp_path / "out").read_text() == "two"


def test_going_back_counts(make_out, tmp_path):
    make_out()
    (tmp_path / "in").write_text("two")
    make_out()
    (tmp_path / "in").write_text("one")
    assert make_out() == 3
    assert (tmp_path / "out").read_text() == "one"


def test_mode_counts(make_out, tmp_path):
    make_out()
    (tmp_path / "in").chmod(0o755)
    assert make_out() == 2


def test_lost_output_is_made_again(make_out, tmp_path):
    make_out()
    (tmp_path / "out").unlink()
    assert make_out() == 2


def test_folder_is_an_input(stage, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a").write_text("a")

    def call():
        return stage("out", "d", "--", "sh", "-c", 'ls d > "$OUT"').stdout

    assert "STAGE" in call()
    assert "STAGE" not in call()
    (tmp_path / "d/a").rename(tmp_path / "d/b")
    assert "STAGE" in call()
    assert (tmp_path / "out").read_text() == "b\n"


def test_string_and_command_count(stage):
    def call(string, text):
        return "STAGE" in stage("out", "-s", string, "--", "sh", "-c", f'echo {text} > "$OUT"').stdout

    assert call("v1", "x")
    assert not call("v1", "x")
    assert call("v2", "x")
    assert call("v2", "y")


def test_output_may_be_a_folder(stage, tmp_path):
    (tmp_path / "in").write_text("one")
    for text in ("one", "two"):
        (tmp_path / "in").write_text(text)
        done = stage("out", "in", "--", "sh", "-c", 'mkdir "$OUT"; cp in "$OUT/$(cat in)"')
        assert done.returncode == 0, done.stdout
        assert [p.name for p in (tmp_path / "out").iterdir()] == [text]


def test_failure_keeps_the_old_output(stage, make_out, tmp_path):
    make_out()
    (tmp_path / "in").write_text("two")
    done = stage("out", "in", "--", "sh", "-c", 'echo half > "$OUT"; exit 3')
    assert done.returncode == 3
    assert "'out' was not made (exit status 3)" in done.stdout
    assert (tmp_path / "out").read_text() == "one"
    # The next one recovers by itself, although the input is still the same.
    assert make_out() == 2
    assert (tmp_path / "out").read_text() == "two"


def test_forgotten_output_is_an_error(stage):
    done = stage("out", "--", "true")
    assert done.returncode != 0
    assert "wrote nothing" in done.stdout


def test_missing_input_is_named(stage, tmp_path):
    done = stage("out", "nowhere", "--", "sh", "-c", 'echo > "$OUT"')
    assert done.returncode != 0
    assert "input 'nowhere' of 'out' does not exist" in done.stdout
    assert not (tmp_path / "out").exists()


def test_wrong_usage(stage):
    assert stage("out", "in").returncode == 2
    assert stage().returncode == 2


def wait_for(path, deadline=20):
    end = time.monotonic() + deadline
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_build_recovers(top, stage, make_out, tmp_path, number):
    make_out()
    (tmp_path / "in").write_text("two")
    # As a terminal does it: the whole process group is interrupted half way.
    process = subprocess.Popen([top / "config/stage", "out", "in", "--", "sh", "-c",
                                'echo half > "$OUT"; echo > half-way; exec sleep 60'],
                               cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    wait_for(tmp_path / "half-way")
    os.killpg(process.pid, number)
    assert process.wait(timeout=20) != 0
    assert (tmp_path / "out").read_text() == "one"
    assert make_out() == 2
    assert (tmp_path / "out").read_text() == "two"
    assert not (tmp_path / "out.work").exists()


def test_full_disk_recovers(top, tmp_path):
    if os.geteuid():
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    # A mount name space of its own: nothing is left mounted, whatever happens.
    script = """
        set -eu
        mount -t tmpfs -o size=1M none "$1"
        cd "$1"
        head -c 300000 /dev/zero > in
        "$2" out in -- sh -c 'cp in "$OUT"'
        cksum < out > old
        echo >> in
        if "$2" out in -- sh -c 'cat in in in in > "$OUT"'; then echo "the disk is not full"; exit 1; fi
        cksum < out | cmp - old
        mount -o remount,size=8M none "$1"
        "$2" out in -- sh -c 'cat in in in in > "$OUT"'
        cat in in in in | cmp - out
        echo recovered
    """
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", disk, top / "config/stage"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    assert done.returncode == 0 and done.stdout.endswith("recovered\n"), done.stdout
    assert "No space left on device" in done.stdout


def test_two_makers_do_the_work_once(top, tmp_path):
    (tmp_path / "in").write_text("one")
    command = [top / "config/stage", "out", "in", "--", "sh", "-c",
               'echo >> runs; sleep 0.5; cp in "$OUT"']
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [p.wait(timeout=30) for p in both] == [0, 0]
    assert (tmp_path / "runs").read_text() == "\n"
