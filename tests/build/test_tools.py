# SPDX-License-Identifier: GPL-2.0-only
"""What the tools of userland/tools say without a node: help, usage, maps, manuals."""

import re
import subprocess

import pytest

TOOLS = {"hpcd": 8, "migrate": 1, "mosctl": 1, "mosmon": 1, "mps": 1, "mtop": 1, "setpe": 8, "showmap": 1}
WRAPPERS = ("runhome", "runon", "nomig", "cpujob", "iojob", "nodecay", "slowdecay", "fastdecay")
MAP = "1 10.0.0.1 3\n2 10.9.0.2 ALIAS\n"


@pytest.fixture
def tool(build):
    def call(name, *arguments, stdin=""):
        return subprocess.run([build / "userland" / name, *arguments], input=stdin, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    return call


@pytest.mark.parametrize("name", TOOLS)
def test_help_and_version(tool, name):
    done = tool(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: {name} ")
    assert tool(name, "-h").stdout == done.stdout
    assert re.fullmatch(rf"{name} \(Tessera\) \S+\n", tool(name, "--version").stdout)


@pytest.mark.parametrize("name, arguments", [
    ("showmap", ["-x"]), ("showmap", ["more"]), ("showmap", ["--jso=1"]),
    ("setpe", []), ("setpe", ["-x"]), ("setpe", ["-w", "-r"]), ("setpe", ["-w", "map"]),
    ("setpe", ["-r", "-off"]), ("setpe", ["-w", "-p"]), ("setpe", ["-w", "-p", "0"]),
    ("setpe", ["-w", "-p", "65536"]), ("setpe", ["-w", "-p", "1x"]), ("setpe", ["-w", "-p", "-1"]),
    ("setpe", ["-w", "-g", "3"]), ("setpe", ["-w", "-n", "ipx"]), ("setpe", ["-w", "--json"]),
    ("migrate", []), ("migrate", ["1"]), ("migrate", ["1", "2", "3"]), ("migrate", ["x", "2"]),
    ("migrate", ["0", "2"]), ("migrate", ["1", "0"]), ("migrate", ["1", "65536"]), ("migrate", ["1", "homer"]),
    ("migrate", ["-t", "0", "1", "2"]), ("migrate", ["1", "best"]),
    ("mosctl", []), ("mosctl", ["-x"]), ("mosctl", ["dance"]), ("mosctl", ["getload", "x"]),
    ("mosctl", ["getload", "0"]), ("mosctl", ["getload", "1", "2"]), ("mosctl", ["stay", "1"]),
    ("mosctl", ["setspeed"]), ("mosctl", ["setspeed", "fast"]), ("mosctl", ["setdecay", "1", "2"]),
    ("mosctl", ["setdecay", "0", "2", "3"]), ("mosctl", ["setdecay", "1", "2", "1001"]),
    ("mosctl", ["setyard", "that"]), ("mosctl", ["-t", "x", "bring"]),
    ("mosrun", []), ("mosrun", ["-3"]), ("mosrun", ["-x", "true"]), ("mosrun", ["-0", "true"]),
    ("mosrun", ["-65536", "true"]), ("mosrun", ["-j", "true"]), ("mosrun", ["-j4-1", "true"]),
    ("mosrun", ["-t", "5", "true"]), ("mosrun", ["-d", "5", "true"]), ("mosrun", ["-t0", "-d5", "true"]),
    ("mosrun", ["-t1", "-d1001", "true"]), ("mosrun", ["-z", "true"]), ("mosrun", ["--fast", "true"]),
    ("mps", ["-x"]), ("mps", ["one"]), ("mps", ["-n", "x"]), ("mtop", ["-x"]), ("mtop", ["-d", "0"]),
    ("mtop", ["-n", "x"]), ("mtop", ["more"]), ("mosmon", ["-x"]), ("mosmon", ["-d", "x"]), ("mosmon", ["more"]),
    ("hpcd", ["-x"]), ("hpcd", ["more"]), ("hpcd", ["-p", "0"]), ("hpcd", ["-p", "65536"]), ("hpcd", ["-l", "-1"]),
    ("hpcd", ["-s", "5"]), ("hpcd", ["-s", "601"]),
])
def test_wrong_usage(tool, name, arguments):
    done = tool(name, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


@pytest.mark.parametrize("options", [["-c", "-p", "2"], ["-w", "-c", "-p2"], ["-c", "-W", "-p2"],
                                     ["--check", "--self=2", "-g", "1", "-n", "inet", "-f", "-"]])
def test_check(tool, options):
    done = tool("setpe", *options, stdin=MAP)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "standard input: 3 nodes in 2 lines; this machine is node 2 as you say\n"


def test_wrong_map_is_reported_with_its_line(tool, tmp_path):
    (tmp_path / "map").write_text("# map\n1 10.0.0.1 3\n3 10.0.0.9 1\n")
    done = tool("setpe", "-c", "-f", str(tmp_path / "map"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"setpe: \S+/map:3: node number 3 is taken by line 2 already .*\n", done.stderr)


def test_map_that_cannot_be_read(tool, tmp_path):
    done = tool("setpe", "-c", "-f", str(tmp_path / "none"))
    assert done.returncode == 1 and "No such file" in done.stderr
    done = tool("setpe", "-c", "-f", str(tmp_path))
    assert done.returncode == 1 and "Is a directory" in done.stderr
    done = tool("setpe", "-c", stdin="#" * (2 << 20))
    assert done.returncode == 1 and "this is not a map" in done.stderr


def test_machine_that_is_not_in_the_map(tool):
    done = tool("setpe", "-c", stdin="1 203.0.113.77 1\n")
    assert done.returncode == 1
    assert "none of this machine's addresses (" in done.stderr or "has no address yet" in done.stderr
    assert "-p NUMBER" in done.stderr
    done = tool("setpe", "-c", "-p", "9", stdin=MAP)
    assert done.returncode == 1 and "node 9 (-p) is not in 'standard input'" in done.stderr


def own_addresses(family):
    text = subprocess.run(["ip", "-o", f"-{family}", "address", "show", "scope", "global"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return re.findall(r" inet6? ([0-9a-f.:]+)", text)


@pytest.mark.parametrize("family", [4, 6])
def test_own_place_is_found_by_address(tool, family):
    addresses = own_addresses(family)
    if not addresses:
        pytest.skip(f"this machine has no IPv{family} address of its own")
    done = tool("setpe", "-c", stdin=f"7 203.0.113.1 1\n1234 {addresses[0]} 1\n")
    assert done.returncode == 0, done.stderr
    assert "this machine is node 1234\n" in done.stdout


@pytest.mark.parametrize("name, section", TOOLS.items())
def test_manual_has_every_option(tool, top, name, section):
    manual = (top / f"userland/man/{name}.{section}").read_text().replace("\\", "")
    options = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z]*", tool(name, "--help").stdout))
    assert {"-h", "--help", "-V", "--version"} <= options
    assert not [o for o in options if not re.search(rf"{o}\b", manual)]


def test_mosrun_says_how_it_is_used(tool, top):
    done = tool("mosrun", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: mosrun ")
    assert re.fullmatch(r"mosrun \(Tessera\) \S+\n", tool("mosrun", "--version").stdout)
    manual = (top / "userland/man/mosrun.1").read_text().replace("\\", "")
    for option in "hFlLkcinsftdeErRz":
        assert re.search(rf"-{option}\b", done.stdout) and re.search(rf"-{option}\b", manual)
    for name in WRAPPERS:
        assert name in done.stdout
        assert (top / f"userland/man/{name}.1").read_text() == ".so man1/mosrun.1\n"


@pytest.mark.parametrize("page", ["hpcd.8", "migrate.1", "setpe.8", "showmap.1", "openmosix.map.5", "mosctl.1",
                                  "mosrun.1", "mosmon.1", "mps.1", "mtop.1"])
def test_manual_is_well_formed(top, page):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", top / "userland/man" / page], text=True,
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout == ""


def test_install(top, build, tmp_path):
    subprocess.run(["make", "-s", "install-userland", f"DESTDIR={tmp_path}", f"B={build}"], cwd=top, check=True,
                   stdout=subprocess.DEVNULL)
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"usr/sbin/omdiscd", "usr/share/man/man8/omdiscd.8",
                     "usr/sbin/hpcd", "usr/lib/tessera/hpcd-guests", "usr/share/man/man8/hpcd.8",
                     *(f"usr/{folder}/{name}{end}" for name in
                       ("migrate", "mosctl", "mosmon", "mosrun", "mps", "mtop", *WRAPPERS)
                       for folder, end in (("bin", ""), ("share/man/man1", ".1"))),
                     *(f"usr/share/bash-completion/completions/{name}" for name in
                       ("migrate", "mosctl", "mosmon", "mosrun", "mps", "mtop", *WRAPPERS, "showmap", "setpe",
                        "hpcd")),
                     "usr/sbin/setpe", "usr/bin/showmap", "usr/share/man/man8/setpe.8",
                     "usr/share/man/man1/showmap.1", "usr/share/man/man5/openmosix.map.5"}
