#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""jobs.py SHELL: job control of a shell whose jobs are on other nodes.

Sits at the other end of the shell's terminal and types. Prints what it finds, a line each;
exit status 1, with all that the shell said, if something is not as it has to be.
"""

import os
import pty
import re
import select
import subprocess
import sys
import time

LIMIT = float(os.environ.get("LIMIT", "60"))
PROMPT = "ready> "


class Shell:
    def __init__(self, argv):
        self.said = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(PS1=PROMPT, TERM="dumb", ENV="", HISTFILE="")
            os.execvp(argv[0], argv)
        self.wait(re.escape(PROMPT))

    def wait(self, pattern):
        """Waits for it in what comes from now on; that is used up then."""
        end = time.monotonic() + LIMIT
        while not (found := re.search(pattern, self.said, re.MULTILINE)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                sys.exit(f"no '{pattern}' within {LIMIT:g} s after:\n{self.said}")
            self.said += os.read(self.fd, 4096).decode(errors="replace").replace("\r", "")
        self.said = self.said[found.end():]
        return found

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def run(self, line, pattern=""):
        """A command line; waits for the pattern in what it says, then for the prompt."""
        self.type(line + "\n")
        self.wait(re.escape(line) + r"\n")
        found = self.wait(pattern)
        self.wait(re.escape(PROMPT))
        return found

    def begin(self, line):
        """One that stays in the foreground."""
        self.type(line + "\n")
        self.wait(re.escape(line) + r"\n")


def until(what, true):
    end = time.monotonic() + LIMIT
    while not (value := true()):
        if time.monotonic() > end:
            sys.exit(f"not within {LIMIT:g} s: {what}")
        time.sleep(0.05)
    return value


def state(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def group(leader):
    """PIDs of a process group, in the order of their numbers."""
    done = subprocess.run(["ps", "-eo", "pid=,pgid="], capture_output=True, text=True, check=True)
    rows = [tuple(map(int, row.split())) for row in done.stdout.splitlines()]
    return sorted(pid for pid, pgid in rows if pgid == leader)


def send(pid, node):
    subprocess.run(["migrate", str(pid), str(node)], check=True)
    with open(f"/proc/{pid}/where") as where:
        assert int(where.read()) == node


def one_job(shell):
    shell.run(f"{BUSY} > /tmp/busy.out &")
    pid = int(shell.run("echo pid $!", r"^pid (\d+)\n").group(1))
    send(pid, 2)
    shell.run("kill -STOP %1")
    until("it is stopped", lambda: state(pid) == "T")
    shell.run("jobs", r"Stopped")
    shell.run("bg %1")
    until("it goes on", lambda: state(pid) != "T")
    shell.begin("fg %1")
    until("it is in the foreground", lambda: os.tcgetpgrp(shell.fd) == pid)
    shell.type("\x1a")
    shell.wait(r"Stopped")
    shell.wait(re.escape(PROMPT))
    assert state(pid) == "T"
    print("stopped by Ctrl-Z")
    shell.begin("fg")
    until("it goes on", lambda: state(pid) != "T")
    shell.type("\x03")
    shell.wait(re.escape(PROMPT))
    shell.run("echo status $?", r"^status 130\n")
    print("ended by Ctrl-C")
    shell.run(f"{BUSY} > /tmp/busy.out &")
    pid = int(shell.run("echo pid $!", r"^pid (\d+)\n").group(1))
    send(pid, 3)
    shell.run("kill %1; wait $!; echo status $?", r"^status 7\n")
    until("it is gone", lambda: not os.path.exists(f"/proc/{pid}"))
    print("ended by kill %1, with its own status")


def pipeline(shell):
    shell.begin("yes | tr y n | cat > /dev/null")
    leader = until("it runs", lambda: (lambda pg: pg != shell.pid and len(group(pg)) == 3 and pg)(
        os.tcgetpgrp(shell.fd)))
    pids = group(leader)
    for pid, node in zip(pids, (2, 3)):
        send(pid, node)
    shell.type("\x1a")
    shell.wait(r"Stopped")
    shell.wait(re.escape(PROMPT))
    until("all are stopped", lambda: [state(pid) for pid in pids] == ["T"] * 3)
    print("a pipeline on three nodes, stopped")
    shell.begin("fg")
    until("all go on", lambda: all(state(pid) != "T" for pid in pids))
    shell.type("\x03")
    shell.wait(re.escape(PROMPT))
    until("all are gone", lambda: not group(leader))
    print("and ended by Ctrl-C")
    # "yes" may say in the middle of a line what its pipe is like.
    shell.begin("yes | head -c 3000000 | sha256sum")
    shell.wait(r"[0-9a-f]{64}  -\n")
    shell.wait(re.escape(PROMPT))


BUSY = "/tmp/spin 600 7 /tmp/busy.stop"

if __name__ == "__main__":
    terminal = Shell(sys.argv[1:])
    one_job(terminal)
    pipeline(terminal)
    terminal.type("exit\n")
    os.waitpid(terminal.pid, 0)
