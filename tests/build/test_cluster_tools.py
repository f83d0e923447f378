# SPDX-License-Identifier: GPL-2.0-only
"""mosctl, mosrun, mps, mtop and mosmon on a /proc of files: 40 nodes, three processes.

mosmon and mtop run in a tmux of their own, and their screen is looked at.
"""

import json
import re
import subprocess
import time

import pytest

NODES = 40
DOWN = {7, 14, 21, 28, 35}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def write_process(proc, pid, comm, command, ticks, where=0, nmigs=0, lock=0, rss=2000):
    write(proc / str(pid) / "stat", f"{pid} ({comm}) S 1 {pid} {pid} 0 -1 4194304 0 0 0 0 {ticks} 5 0 0 20 0 1 0 "
                                    f"5000 1000000 {rss} 0 0")
    for name, value in (("where", where), ("nmigs", nmigs), ("lock", lock), ("goto", ""), ("cantmove", "")):
        write(proc / str(pid) / name, value)
    (proc / str(pid) / "cmdline").write_text(command.replace(" ", "\0") + "\0")


@pytest.fixture
def proc(tmp_path):
    proc = tmp_path / "proc"
    for name, value in (("mospe", 1), ("speed", 10000), ("stay", 0), ("lstay", 0), ("block", 0), ("quiet", 0),
                        ("bring", 0), ("expel", 0), ("decayinterval", 1), ("slowdecay", 975), ("fastdecay", 926)):
        write(proc / "hpc/admin" / name, value)
    for name in ("clear", "cpujob", "iojob", "none", "slow", "fast", "own"):
        write(proc / "hpc/decay" / name, 0)
    write(proc / "hpc/info", "node 1\nnodes 40\nup 35\naway 0\nguests 0\nmoved 3")
    for i in range(1, NODES + 1):
        status = 7 if i == 1 else 1 if i in DOWN else 11 if i == 9 else 3
        for name, value in (("cpus", 1 + i % 4), ("speed", 10000 * (1 + i % 3)), ("load", i * 10), ("util", i * 2),
                            ("mem", (512 - 10 * i) << 20), ("rmem", 50 << 20), ("tmem", 512 << 20),
                            ("status", status)):
            write(proc / f"hpc/nodes/{i}" / name, value)
    write(proc / "uptime", "1000.00 500.0")
    write(proc / "meminfo", "MemTotal:        8000000 kB\nMemFree:         100000 kB\nMemAvailable:    6000000 kB")
    write(proc / "loadavg", "0.50 0.25 0.10 1/100 102")
    write_process(proc, 100, "povray", "povray -i scene.pov", 9000, where=3, nmigs=2)
    write_process(proc, 101, "sh", "sh -l", 10, lock=1)
    write_process(proc, 102, "cc1", "cc1 -O2 x.c", 500, nmigs=1, rss=3000)
    write(proc / "hpc/remote/102/from", 9)
    return proc


@pytest.fixture
def tool(build, proc):
    def call(name, *arguments):
        return subprocess.run([build / "userland" / name, *arguments], text=True, check=False, timeout=20,
                              env={"TESSERA_PROC": str(proc), "PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return call


# --- mosctl ---------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, status, said", [
    ("getload 2", 0, "20"), ("getload", 0, "10"), ("getspeed 2", 0, "30000"), ("getutil 5", 0, "10"),
    ("getmem 2", 0, str(492 << 20)), ("getfree 2", 0, str(50 << 20)), ("status", 0, "up"), ("status 7", 0, "down"),
    ("status 9", 0, "blocked"), ("isup 2", 0, "yes"), ("isup 7", 1, "no"), ("whois 2", 0, "node 2"),
    ("getdecay", 0, "every 1 s, slow decay keeps 975/1000 and fast decay 926/1000"), ("nomfs", 0, ""),
])
def test_mosctl_tells(tool, arguments, status, said):
    done = tool("mosctl", *arguments.split())
    assert (done.returncode, done.stdout.strip(), done.stderr) == (status, said, "")


@pytest.mark.parametrize("arguments, file, value", [
    ("stay", "stay", "1"), ("nostay", "stay", "0"), ("-stay", "stay", "0"), ("lstay", "lstay", "1"),
    ("nolstay", "lstay", "0"), ("block", "block", "1"), ("noblock", "block", "0"), ("-block", "block", "0"),
    ("quiet", "quiet", "1"), ("noquiet", "quiet", "0"), ("setspeed 4711", "speed", "4711"),
    ("expel", "expel", "1"), ("bring", "bring", "1"), ("-t 0 leave", "bring", "1"),
])
def test_mosctl_sets(tool, proc, arguments, file, value):
    done = tool("mosctl", *arguments.split())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (proc / "hpc/admin" / file).read_text().strip() == value


def test_mosctl_sets_the_decay(tool, proc):
    assert tool("mosctl", "setdecay", "5", "900", "800").returncode == 0
    assert [(proc / "hpc/admin" / name).read_text() for name in ("decayinterval", "slowdecay", "fastdecay")] == \
        ["5", "900", "800"]


def test_mosctl_writes_json(tool):
    nodes = json.loads(tool("mosctl", "--json", "list").stdout)
    assert [node["node"] for node in nodes] == list(range(1, NODES + 1))
    assert {node["node"] for node in nodes if node["state"] == "down"} == DOWN
    assert json.loads(tool("mosctl", "--json", "getload", "3").stdout) == {"node": 3, "load": 30}
    assert json.loads(tool("mosctl", "-j", "info").stdout)["moved"] == 3
    assert json.loads(tool("mosctl", "-j", "isup", "7").stdout) == {"node": 7, "up": False}
    for command in ("getdecay", "getyard", "gettune", "status", "whois"):
        assert json.loads(tool("mosctl", "-j", command).stdout)


def test_mosctl_waits_no_longer_than_it_is_told(tool, proc):
    write(proc / "hpc/info", "away 2\nguests 0")
    done = tool("mosctl", "-t", "1", "bring")
    assert done.returncode == 1
    assert "2 own processes are away still after 1 s" in done.stderr


@pytest.mark.parametrize("arguments, message", [
    ("getload 99", "there is no node 99"), ("mfs", "there is no MFS"), ("whois 203.0.113.1", "no node has"),
])
def test_mosctl_says_why_not(tool, arguments, message):
    done = tool("mosctl", *arguments.split())
    assert done.returncode == 1 and message in done.stderr


def test_without_a_node_number(tool, proc):
    write(proc / "hpc/admin/mospe", 0)
    done = tool("mosctl", "list")
    assert done.returncode == 1 and "is in no cluster" in done.stderr


# --- mosrun -----------------------------------------------------------------------------


def test_mosrun_needs_a_node_that_is_there(tool):
    for arguments, message in ((["-99"], "there is no node 99"), (["-7"], "it is down"), (["-9"], "it is blocked"),
                               (["-j7,14"], "none of the nodes '7,14'")):
        done = tool("mosrun", *arguments, "true")
        assert done.returncode == 1 and message in done.stderr


def test_mosrun_declares(tool, proc, build, tmp_path):
    # Of the calling process, so that what it is told is in this tree.
    script = tmp_path / "run"
    script.write_text(f"mkdir -p {proc}/$$; echo 1 > {proc}/$$/lock; exec {build}/userland/mosrun \"$@\"\n")
    def run(*arguments):
        return subprocess.run(["sh", script, *arguments, "sh", "-c", f"cat {proc}/$$/lock"], text=True,
                              env={"TESSERA_PROC": str(proc), "PATH": "/usr/bin:/bin"}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    done = run("-c", "-s")
    assert (done.returncode, done.stdout) == (0, "0")
    assert (proc / "hpc/decay/cpujob").read_text() == "1" and (proc / "hpc/decay/slow").read_text() == "1"
    assert run("-L", "-i", "-n").stdout == "1"
    assert (proc / "hpc/decay/iojob").read_text() == "1" and (proc / "hpc/decay/none").read_text() == "1"
    assert run("-h", "-f").stdout == "1"
    assert run("-k", "-t", "5", "-d", "900").stdout == "1\n"
    assert (proc / "hpc/decay/own").read_text() == "5 900"
    assert run("-F", "-99").stdout == "0"
    for old in ("-e", "-E", "-r", "-R"):
        assert run(old, "-L").stdout == "1"


def test_mosrun_gives_the_status_of_the_program(tool, proc, build, tmp_path):
    script = tmp_path / "run"
    script.write_text(f"mkdir -p {proc}/$$; echo 1 > {proc}/$$/lock; exec {build}/userland/mosrun \"$@\"\n")
    def status(*arguments):
        return subprocess.run(["sh", script, *arguments], env={"TESSERA_PROC": str(proc), "PATH": "/usr/bin:/bin"},
                              check=False, stderr=subprocess.DEVNULL).returncode
    assert status("-l", "sh", "-c", "exit 42") == 42
    assert status("-l", "/nonexistent") == 127
    assert status("-l", "/etc/passwd") == 126
    assert status("-l", "-z", "sh", "other", "-c", "[ $0 = other ]") == 0


# --- mps, mtop -----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, pids", [
    (["-e"], [100, 101, 102]), (["-A"], [100, 101, 102]), (["-m"], [100]), (["-g"], [102]), (["-n", "3"], [100]),
    (["-n", "0"], [101, 102]), (["-n", "1"], [101, 102]), (["101", "102"], [101, 102]), (["-u", "nobody"], []),
])
def test_mps_finds(tool, arguments, pids):
    done = tool("mps", *arguments)
    assert [int(line.split()[0]) for line in done.stdout.splitlines()[1:]] == pids
    assert done.returncode == (0 if pids else 1)
    assert [row["pid"] for row in json.loads(tool("mps", "--json", *arguments).stdout)] == pids


def test_mps_shows_where(tool):
    text = tool("mps", "-e", "-f").stdout
    assert re.search(r"^ +100 +3 +2 .*0:01:30 povray -i scene.pov$", text, re.MULTILINE)
    assert re.search(r"^ +101 +0 +0L .* sh -l$", text, re.MULTILINE)
    assert re.search(r"^ +102 +<9 +1 ", text, re.MULTILINE)


def test_mtop_in_batch_mode(tool):
    lines = tool("mtop", "-b", "-n", "1").stdout.splitlines()
    assert "node 1 of 40" in lines[0] and "1 away, 1 guests" in lines[0]
    assert lines[1] == "up 0:16, load 0.50 0.25 0.10, memory 1953 of 7812 MiB"
    assert [int(line.split()[0]) for line in lines[3:]] == [100, 102, 101]
    assert len(tool("mtop", "-b", "-m", "-n", "2", "-d", "1").stdout.splitlines()) == 2 * 5


def test_mtop_without_a_terminal(tool):
    done = tool("mtop")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 3 + 3
    assert len(tool("mtop", "-n", "2", "-d", "1").stdout.splitlines()) == 2 * (3 + 3)


def test_mosmon_needs_a_terminal(tool):
    done = tool("mosmon")
    assert done.returncode == 1 and "no terminal" in done.stderr


# --- completion --------------------------------------------------------------------------------


@pytest.mark.parametrize("line, replies", [
    ("mosctl no", {"nostay", "nolstay", "noblock", "noquiet", "nomfs"}),
    ("mosctl setyard ", {"this", "standard"}),
    ("mosctl --j", {"--json"}),
    ("migrate 1 ", {"home", "balance"}),
    ("migrate --n", {"--no-wait"}),
    ("mps --gu", {"--guests"}),
    ("mosrun -", {"-h", "-j", "-F", "-l", "-L", "-k", "-c", "-i", "-n", "-s", "-f", "-t", "-d", "-z", "--help",
                  "--portable", "--version"}),
    ("mosmon --pro", {"--processes"}),
    ("mtop --bat", {"--batch"}),
    ("showmap --js", {"--json"}),
])
def test_completion(top, line, replies):
    words = line.split(" ")
    script = (f"source {top}/userland/completion/tessera; COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}')\n"
              f"COMP_CWORD={len(words) - 1}; spec=$(complete -p {words[0]})\n"
              "if [[ $spec =~ -F\\ ([^ ]+) ]]; then ${BASH_REMATCH[1]}\n"
              "else [[ $spec =~ -W\\ \\'([^\\']*) ]]; mapfile -t COMPREPLY < <(compgen -W \"${BASH_REMATCH[1]}\" -- "
              "\"${COMP_WORDS[COMP_CWORD]}\"); fi; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script], text=True, check=True, stdout=subprocess.PIPE)
    # Where this runs on a node, its numbers are offered, too.
    assert {word for word in done.stdout.split() if not re.fullmatch(r"-?\d+", word)} == replies


# --- screens ---------------------------------------------------------------------------------


class Screen:
    """A program in a tmux of its own."""

    def __init__(self, socket, command, columns=80, lines=24, term="screen"):
        self.base = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), f"TERM={term} {command}; echo ended with $?; cat")

    def tmux(self, *arguments):
        return subprocess.run([*self.base, *arguments], check=True, text=True, stdout=subprocess.PIPE).stdout

    def lines(self):
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").split("\n")]

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, pattern, seconds=10):
        """Until that is on the screen, and the drawing of it has come to an end."""
        deadline = time.monotonic() + seconds
        before = None
        while True:
            text = "\n".join(self.lines())
            if text == before and re.search(pattern, text, re.MULTILINE):
                return text
            before = text
            assert time.monotonic() < deadline, f"'{pattern}' is not on the screen:\n{text}"
            time.sleep(0.05)

    def close(self):
        subprocess.run([*self.base, "kill-server"], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def screen(build, proc, tmp_path):
    opened = []

    def start(command, **options):
        opened.append(Screen(tmp_path / f"tmux{len(opened)}", f"TESSERA_PROC={proc} {build}/userland/{command}",
                             **options))
        return opened[-1]
    yield start
    for one in opened:
        one.close()


def bars(lines):
    """Heights of the bars, by node number."""
    axis = next(i for i, line in enumerate(lines) if "------" in line)
    numbers = [(m.end() - 1, int(m.group())) for m in re.finditer(r"\d+", lines[axis + 1])]
    return {number: sum(len(line) > at and line[at] == "#" for line in lines[:axis]) for at, number in numbers}


def test_mosmon_draws_bars(screen):
    s = screen("mosmon")
    s.wait("node +1\\*")
    lines = s.lines()
    assert lines[0] == "Tessera  node 1  40 nodes, 35 up"
    heights = bars(lines)
    assert list(heights) == list(range(1, 13))
    # The load grows with the number; the largest of all 40 is 4.0, so the scale ends at 5.
    assert lines[3].strip() == "5.00|"
    up = [heights[i] for i in heights if i not in DOWN]
    assert up == sorted(up) and up[0] < up[-1]
    assert heights[7] == 0 and any("down" in line for line in lines)
    assert lines[23].endswith("q quit")


def test_mosmon_scrolls_and_switches(screen):
    s = screen("mosmon")
    s.wait("node +1\\*")
    s.keys("Right")
    s.wait("node +2 ")
    s.keys("End")
    s.wait("node +29 .*40$")
    s.keys("Home", "m")
    s.wait("memory in use")
    assert bars(s.lines())[12] > bars(s.lines())[1]
    s.keys("u")
    s.wait("processor time in use")
    s.keys("s")
    s.wait("speed of a processor")
    heights = bars(s.lines())
    assert heights[2] > heights[1] > heights[3]  # 30000, 20000, 10000
    s.keys("t")
    s.wait("\\Aspeed|\\A.*\nspeed")
    s.keys("a")
    s.wait("^    1\\* up +2 +20000 \\[ +\\] 0.10")
    s.keys("NPage")
    s.wait("^   28  down")


@pytest.mark.parametrize("option, begins", [
    ("-m", "memory in use"), ("--memory", "memory in use"), ("-u", "processor time in use"), ("--util", "processor time in use"),
    ("-s", "speed of a processor"), ("--speed", "speed of a processor"), ("-a", "^    1\\* up +2 +20000"),
    ("--all", "^    1\\* up +2 +20000"), ("-p", "^> +100 +3 +2 "), ("--processes -d 1", "^> +100 +3 +2 "),
])
def test_mosmon_begins_where_it_is_told(screen, option, begins):
    screen(f"mosmon {option}").wait(begins)


def test_mosmon_sends_processes(screen, proc):
    s = screen("mosmon -p")
    s.wait("^> +100 +3 +2 ")
    s.keys("h")
    s.wait("process 100 is asked to come home")
    assert (proc / "100/goto").read_text() == "home"
    s.keys("Down", "Down")
    s.wait("^> +101 +0 +0L")
    s.keys("l")
    s.wait("process 101 may move again")
    assert (proc / "101/lock").read_text() == "0"
    s.keys("g")
    s.wait("to node")
    s.keys("1", "2", "Enter")
    s.wait("process 101 is asked to go to node 12")
    assert (proc / "101/goto").read_text() == "12"
    s.keys("b")
    s.wait("where the balancer")
    assert (proc / "101/goto").read_text() == "balance"
    s.keys("o")
    s.wait("\\A(?!(.|\n)*sh -l)(.|\n)*povray")
    s.keys("q")
    s.wait("load: processes")


@pytest.mark.parametrize("term", ["vt100", "vt220", "linux", "xterm", "one-nobody-knows"])
def test_mosmon_on_every_terminal(screen, term):
    s = screen("mosmon", term=term)
    s.wait("node +1\\*")
    s.keys("q")
    # What is left of the screen is the shell's.
    deadline = time.monotonic() + 10
    while "q quit" in "\n".join(s.lines()) and time.monotonic() < deadline and term == "xterm":
        time.sleep(0.05)


def test_no_screen_on_a_terminal_that_cannot(screen):
    s = screen("mtop", term="dumb")
    s.wait("no terminal that a screen can be drawn on; try -b")
    s.wait("^ended with 1$")


def test_mosmon_on_a_small_screen(screen):
    for columns, lines in ((20, 6), (10, 3), (200, 60)):
        s = screen("mosmon", columns=columns, lines=lines)
        s.wait("Tessera")
        s.keys("a")
        s.keys("p")
        s.wait("PID" if lines > 3 else "Tessera")


def test_mtop_on_a_screen(screen, proc):
    s = screen("mtop -d 1")
    s.wait("^> +100 +3 +2 .*povray")
    s.keys("I")
    s.wait("100 .*\n.*101 .*\n.*102 ")
    s.wait(", by number$")
    s.keys("Down", "h")
    s.wait("process 101 is asked to come home")
    s.keys("l")
    s.wait("process 101 may move again")
    assert (proc / "101/lock").read_text() == "0"
    s.keys("g")
    s.wait("to node")
    s.keys("x", "Enter")
    s.wait("'x' is no node number")
    assert (proc / "101/goto").read_text() == "home"
    (proc / "101/goto").write_text("")
    s.keys("g")
    s.wait("to node")
    s.keys("4", "Enter")
    s.wait("process 101 is asked to go to node 4")
    assert (proc / "101/goto").read_text() == "4"
    for key, order, pids in (("P", "%CPU", (100, 102, 101)), ("T", "time", (100, 102, 101)),
                             ("N", "node", (102, 100, 101)), ("M", "%MEM", (102, 100, 101))):
        s.keys(key)
        s.wait(f", by {order}$")
        s.wait(" .*\n[ >]+".join(map(str, pids)))
    # It looks again by itself.
    write_process(proc, 103, "new", "new one", 20)
    s.wait("new one")
    s.keys("o")
    s.wait("\\A(?!(.|\n)*sh -l)(.|\n)*povray")
    assert s.lines()[23].endswith("q quit")
    s.keys("q")
    s.wait("^ended with 0$")


def test_mosmon_writes_json(tool):
    known = json.loads(tool("mosmon", "--json").stdout)
    assert known["self"] == 1 and known["up"] == 35 and len(known["nodes"]) == NODES
    assert known["nodes"][6]["state"] == "down"
