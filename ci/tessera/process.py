# SPDX-License-Identifier: GPL-2.0-only
"""Child processes that never outlive their cluster.

Each gets SIGKILL from the kernel when the driver dies, however that happens,
and carries the cluster's folder in its environment, by which a later run finds
whatever was left all the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Sequence

from .errors import ClusterError
from .timing import retry

MARK = "TESSERA_CLUSTER"

# A driver that died before the signal was set up would not be noticed by it.
_IF_WE_LIVE = '[ "$PPID" = "$0" ] && exec "$@"'

# The kernel sends the death signal when the parent *thread* ends, so all
# children are started by one thread that lives as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tessera-starter")


def start(argv: Sequence[str], folder: Path, log: Path, *, stdin: int = subprocess.DEVNULL,
          stdout: int | IO[bytes] | None = None, pass_fds: Sequence[int] = (),
          prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Starts argv with `folder` (the cluster's) as working directory.

    Output goes to the file `log`, unless stdout says otherwise. `prefix` is a
    command that executes the rest, such as nsenter.
    """
    command = [*prefix, "setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", _IF_WE_LIVE,
               str(os.getpid()), *argv]
    with open(log, "ab") as sink:
        def spawn() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command, cwd=folder, stdin=stdin, stdout=sink if stdout is None else stdout,
                stderr=sink, pass_fds=tuple(pass_fds), start_new_session=True,
                env={**os.environ, MARK: str(folder), "PATH": search_path()})
        try:
            return _starter.submit(spawn).result()
        except FileNotFoundError as error:
            raise ClusterError(f"'{error.filename}' is not installed; run 'make deps'") from error


def search_path() -> str:
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def kill(process: subprocess.Popen[bytes] | None) -> None:
    """SIGKILL and wait; None and ended processes are fine."""
    if process is None:
        return
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()


def leftovers(folder: Path) -> list[int]:
    """Process ids that carry the mark of the cluster in `folder`."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def kill_leftovers(folder: Path) -> list[int]:
    """Kills what an earlier run left behind; returns the process ids."""
    pids = leftovers(folder)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if pids:
        retry(lambda: not leftovers(folder), 10, "end of the processes an earlier run left")
    return pids
