#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""tests/bench/bench.py [--json FILE] [NAME...]: what moving and being away costs.

Every ratio is of two things measured in turns on the same two emulated nodes, so that a slow
host slows both.  Exit status 1: a bound was not kept.  Needs root; `make bench` calls it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "ci"))

from tessera import artifacts  # noqa: E402
from tessera.artifacts import BUILD  # noqa: E402
from tessera.cluster import Cluster  # noqa: E402
from tessera.machine import Node  # noqa: E402

FIGURES: list["Figure"] = []
ROUNDS = 5  # what is compared takes turns so often; the best of each counts


@dataclass
class Figure:
    """Something that is measured, where, and what is wanted of it."""
    name: str
    bound: str  # that it must keep
    aim: str
    root: str  # of the nodes: 'node' or 'debian'; 'four' nodes that balance; 'boot': ones that boot; 'host': none
    measure: Callable[[Any], dict[str, Any]]

    def kept(self, value: float) -> bool:
        relation, _, limit = self.bound.partition(" ")
        return not limit or (value >= float(limit) if relation == ">=" else value <= float(limit))


def figure(name: str, bound: str = "", aim: str = "", root: str = "node") -> Callable[..., Any]:
    def register(function: Callable[["Bench"], dict[str, Any]]) -> Any:
        FIGURES.append(Figure(name, bound, aim, root, function))
        return function
    return register


class Bench:
    """Two nodes whose tables know each other, and what is measured more than once."""

    def __init__(self, cluster: Cluster):
        self.home, self.away = cluster.nodes
        addresses = [node.address() for node in cluster.nodes]
        table = "".join(f"{number} {address} 1\n" for number, address in enumerate(addresses, 1))
        for node in cluster.nodes:
            node.copy_to(BUILD / "tests" / "bench", "/tmp/bench", mode=0o755)
            node.copy_to(table.encode(), "/tmp/map")
            node.succeed("setpe -off; setpe -w -f /tmp/map")
            node.wait_until_succeeds("test -S /run/tessera/hpcd.sock")
        self.target = addresses[1]
        self.serial = 0
        self.serve("sink 5001")
        self.serve("reply 5002 16")
        self.serve("reply 5003 65536")

    def run(self, command: str, timeout: float = 600) -> dict[str, Any]:
        return json.loads(self.home.succeed(f"/tmp/bench {command}", timeout=timeout))

    def serve(self, command: str) -> None:
        self.away.succeed(f"(setsid /tmp/bench {command} >/dev/null 2>&1 &)")
        port = int(command.split()[1])
        self.away.wait_until_succeeds(f"grep -q ':{port:04X} 00000000:0000 0A' /proc/net/tcp")

    @contextmanager
    def begun(self, command: str, timeout: float = 900) -> Iterator[tuple[str, str]]:
        """'bench work' that has its memory and waits: (its PID, the file that lets it go on)."""
        self.serial += 1
        go, out = f"/tmp/go.{self.serial}", f"/tmp/out.{self.serial}"
        pid = self.home.succeed(f"setsid /tmp/bench work {go} {command} >{out} 2>&1 </dev/null & "
                                "echo $!").strip()
        try:
            self.home.wait_until_succeeds(f"grep -q nanosleep /proc/{pid}/stack", timeout=timeout)
            yield pid, go
        finally:
            self.home.execute(f"kill -9 {pid}")

    def work(self, command: str, move: bool, timeout: float = 900) -> dict[str, Any]:
        """What 'bench work' prints, and what is known of its move, if it was moved."""
        with self.begun(command, timeout) as (pid, go):
            known: dict[str, Any] = {}
            if move:
                self.home.succeed(f"migrate {pid} 2", timeout=timeout)
                known = self.run(f"info {pid}")
            # Looking again and again whether it has ended would take time from it.
            self.home.succeed(f"touch {go}; /tmp/bench wait {pid}", timeout=timeout)
            said = self.home.succeed(f"cat {go.replace('go', 'out')}")
        return {**json.loads(said), "move": known}

    def stream(self) -> float:
        """MB/s of one TCP stream."""
        return self.run(f"stream {self.target} 5001 256")["mb_s"]

    def ask(self, port: int, count: int, size: int) -> dict[str, Any]:
        """Round trips by TCP from user space."""
        return self.run(f"ask {self.target} {port} {count} {size}")


def turns(*measure: Callable[[], float], rounds: int = ROUNDS) -> list[list[float]]:
    """Each of them, in turn, so many times."""
    rows = [[one() for one in measure] for _ in range(rounds)]
    return [list(column) for column in zip(*rows)]


@figure("migrate_throughput_ratio", ">= 0.7", ">= 0.9")
def migrate_throughput(b: Bench) -> dict[str, Any]:
    """The whole time in which the process does not run counts."""
    def rate() -> float:
        move = b.work("hold 512", True)["move"]
        return move["image_bytes"] / 1e6 / (move["freeze_ns"] / 1e9)
    tcp, moves = turns(b.stream, rate)
    return {"value": max(moves) / max(tcp), "move_mb_s": max(moves), "tcp_mb_s": max(tcp)}


@figure("freeze_ms")
def freeze(b: Bench) -> dict[str, Any]:
    """Per MB of memory that was written to, and for a process without any."""
    def ms(mib: int) -> float:
        return min(b.work(f"hold {mib}", True)["move"]["freeze_ns"] for _ in range(3)) / 1e6
    some = {mib: ms(mib) for mib in (1, 64, 256)}
    per_mb = (some[256] - some[1]) / (255 * 1.048576)
    return {"value": per_mb, "nothing_ms": some[1] - per_mb,
            **{f"{mib}_mib_ms": t for mib, t in some.items()}}


@figure("forwarded_call_ratio", "<= 1.0", "<= 0.95")
def forwarded_call(b: Bench) -> dict[str, Any]:
    # The frames of getppid(): 88 bytes there, 16 back.
    tcp, call = turns(lambda: b.ask(5002, 2000, 16)["ns"], lambda: b.work("call 2000", True)["ns"])
    return {"value": min(call) / min(tcp), "call_us": min(call) / 1e3, "tcp_us": min(tcp) / 1e3}


@figure("forwarded_io_ratio", ">= 0.8", ">= 1.0")
def forwarded_io(b: Bench) -> dict[str, Any]:
    b.home.succeed("dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null")
    tcp, read = turns(lambda: b.ask(5003, 1024, 65536)["mb_s"],
                      lambda: b.work("read /tmp/data 65536", True)["mb_s"])
    return {"value": max(read) / max(tcp), "read_mb_s": max(read), "tcp_mb_s": max(tcp)}


@figure("forwarded_bulk_ratio", ">= 0.5", ">= 0.8")
def forwarded_bulk(b: Bench) -> dict[str, Any]:
    """Of a file that is in home's memory; a new one, to which home first gives that, beside it."""
    b.home.succeed("dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null")

    def new() -> float:
        b.home.succeed("rm -f /tmp/written")
        return b.work("write /tmp/written 1048576 64", True)["mb_s"]
    tcp, read, write, fresh = turns(b.stream, lambda: b.work("read /tmp/data 1048576", True)["mb_s"],
                                    lambda: b.work("write /tmp/data 1048576 64", True)["mb_s"], new)
    return {"value": min(max(read), max(write)) / max(tcp), "read_mb_s": max(read),
            "write_mb_s": max(write), "new_file_mb_s": max(fresh), "tcp_mb_s": max(tcp)}


@figure("mapped_read_ratio", ">= 0.3")
def mapped_read(b: Bench) -> dict[str, Any]:
    """Each time of a file that is new to the other node."""
    def touch() -> float:
        b.home.succeed("dd if=/dev/urandom of=/tmp/mapped bs=1M count=16 2>/dev/null")
        return b.work("map /tmp/mapped", True)["mb_s"]
    tcp, touched = turns(lambda: b.ask(5003, 512, 65536)["mb_s"], touch)
    return {"value": max(touched) / max(tcp), "touched_mb_s": max(touched), "tcp_mb_s": max(tcp)}


@figure("cpu_guest_ratio", "<= 1.01", "<= 1.005")
def cpu_guest(b: Bench) -> dict[str, Any]:
    away, home = turns(lambda: b.work("cpu 300000000", True)["s"],
                       lambda: b.work("cpu 300000000", False)["s"])
    return {"value": min(away) / min(home), "away_s": min(away), "home_s": min(home)}


@figure("threads_cpu_ratio", "<= 1.02")
def threads_cpu(b: Bench) -> dict[str, Any]:
    # Seconds long, so that few of them fall into a time in which the host does nothing else.
    away, home = turns(lambda: b.work("threads 8 3000000000", True)["s"],
                       lambda: b.work("threads 8 3000000000", False)["s"], rounds=2 * ROUNDS)
    return {"value": min(away) / min(home), "away_s": min(away), "home_s": min(home)}


@figure("many_threads_ratio", "<= 2")
def many_threads(b: Bench) -> dict[str, Any]:
    """The time in which a process does not run, with 64 threads and with one."""
    def ms(threads: int) -> float:
        return b.work(f"crowd 64 {threads}", True)["move"]["freeze_ns"] / 1e6
    many, one = turns(lambda: ms(64), lambda: ms(1))
    return {"value": min(many) / min(one), "many_ms": min(many), "one_ms": min(one)}


@figure("thread_away_ms")
def thread_away(b: Bench) -> dict[str, Any]:
    away, home = turns(lambda: b.work("thread 50", True)["ms"], lambda: b.work("thread 50", False)["ms"])
    return {"value": min(away), "home_ms": min(home)}


@figure("fork_away_ms")
def fork_away(b: Bench) -> dict[str, Any]:
    away, home = turns(lambda: b.work("fork 50", True)["ms"], lambda: b.work("fork 50", False)["ms"])
    return {"value": min(away), "home_ms": min(home)}


@figure("exec_away_ms")
def exec_away(b: Bench) -> dict[str, Any]:
    away, home = turns(lambda: b.work("exec 20", True)["ms"], lambda: b.work("exec 20", False)["ms"])
    return {"value": min(away), "home_ms": min(home)}


CRIU_MIB = 256
SECONDS = "cut -d' ' -f1 /proc/uptime"


def seconds(node: Node, command: str) -> float:
    """How long a command takes, by the node's own clock."""
    text = node.succeed(f"exec 3>&1; a=$({SECONDS}); {{ {command}; }} >/dev/null || exit; "
                        f"b=$({SECONDS}); echo $a $b >&3", timeout=900)
    begin, end = map(float, text.split()[-2:])
    return end - begin


@figure("criu_ratio", ">= 3", root="debian")
def criu(b: Bench) -> dict[str, Any]:
    """The same process moved by CRIU, from the first byte saved to its first step there."""
    images = "/run/images"

    def ours() -> float:
        with b.begun(f"hold {CRIU_MIB}") as (pid, _):
            return seconds(b.home, f"migrate {pid} 2")

    def theirs() -> float:
        for node in (b.home, b.away):
            node.succeed(f"rm -rf {images}; mkdir {images}")
        with b.begun(f"hold {CRIU_MIB}") as (pid, go):
            b.away.succeed(f"cp /dev/null {go.replace('go', 'out')}")
            took = {"dump": seconds(b.home, f"criu dump -t {pid} -D {images}")}
            b.away.succeed(f"(nc -l -p 5004 | tar x -C {images}; touch {images}/all) >/dev/null 2>&1 &")
            b.away.wait_until_succeeds("grep -q ':138C 00000000:0000 0A' /proc/net/tcp")
            took["copy"] = seconds(b.home, f"tar c -C {images} . | nc -N {b.target} 5004")
            b.away.wait_until_succeeds(f"test -e {images}/all")
            took["restore"] = seconds(b.away, f"criu restore -d -D {images}")
            b.away.succeed(f"grep -q nanosleep /proc/{pid}/stack", f"kill -9 {pid}")
        parts.append(took)
        return sum(took.values())

    parts: list[dict[str, float]] = []
    our, their = turns(ours, theirs)
    best = min(parts, key=lambda took: sum(took.values()))
    return {"value": min(their) / min(our), "ours_s": min(our), "criu_s": min(their),
            **{f"criu_{name}_s": value for name, value in best.items()}}


class Four:
    """Four equally fast nodes that found each other, and move processes by themselves."""

    def __init__(self, cluster: Cluster):
        self.nodes = cluster.nodes
        self.home = cluster.nodes[0]
        for node in self.nodes:
            node.copy_to(BUILD / "tests" / "load", "/tmp/load", mode=0o755)
            node.wait_until_succeeds("test -S /run/tessera/hpcd.sock")
            node.succeed("mosctl setspeed 10000")
        for node in self.nodes:
            node.wait_until_succeeds("[ $(mosctl list | grep -c ' 10000 ') = 4 ]")


@figure("makespan_ratio", "<= 1.15", root="four")
def makespan(b: Four) -> dict[str, Any]:
    """16 equal jobs from one node.  The host has fewer processors than the nodes together, so the
    time that each node gave to programs counts: that of the busiest to that of all, evenly spread."""
    def given() -> list[float]:
        return [int(node.succeed("grep '^cpu ' /proc/stat").split()[1]) / 100 for node in b.nodes]
    before = given()
    b.home.succeed("{ for i in $(seq 16); do (setsid /tmp/load cpu /tmp/never 1500; echo > /tmp/done.$i) & "
                   "done; } > /dev/null 2>&1 < /dev/null")
    b.home.wait_until_succeeds("sleep 1; [ $(ls /tmp/done.* | wc -l) = 16 ]", timeout=900)
    took = [now - then for now, then in zip(given(), before)]
    return {"value": max(took) / (sum(took) / len(took)),
            **{f"node{i}_s": t for i, t in enumerate(took, 1)}}


@figure("idle_cpu_percent", "<= 1", "<= 0.5", root="four")
def idle(b: Four) -> dict[str, Any]:
    """Of all daemons on a node with nothing to do, and the memory they have for themselves."""
    node, daemons = b.nodes[3], ("hpcd", "omdiscd", "dhcpcd")

    def used() -> tuple[float, dict[str, list[int]]]:
        lines = node.succeed("cut -d' ' -f1 /proc/uptime; " + "; ".join(
            f"for p in $(pidof {name}); do cat /proc/$p/schedstat; done | "
            "awk '{ t += $1; n += $3 } END { printf \"%d %d\\n\", t, n }'" for name in daemons)).splitlines()
        return float(lines[0]), {name: list(map(int, line.split())) for name, line in zip(daemons, lines[1:])}
    node.succeed("sleep 10")  # what was said to it so far is no rest
    then, before = used()
    node.succeed("sleep 30", timeout=120)
    now, after = used()
    each = {name: (after[name][0] - before[name][0]) / (now - then) / 1e7 for name in daemons}
    wakes = {f"{name}_wakes_s": (after[name][1] - before[name][1]) / (now - then) for name in daemons}
    kib = node.succeed(f"for p in $(pidof {' '.join(daemons)}); do grep RssAnon /proc/$p/status; done | "
                       "awk '{ t += $2 } END { print t }'")
    return {"value": sum(each.values()), **each, **wakes, "anon_mib": int(kib) / 1024}


class Boot:
    """A node that is up, one that is switched on to join it, and the latter's kernel with nothing else."""

    def __init__(self, cluster: Cluster):
        self.home, self.joins, self.empty = cluster.nodes
        self.home.wait_until_succeeds("test -S /run/tessera/hpcd.sock")

    @staticmethod
    @contextmanager
    def on(node: Node) -> Iterator[float]:
        """Switched on meanwhile; the moment it was."""
        begin = time.monotonic()
        node.start()
        yield begin
        node.kill()

    def joined(self) -> float:
        mark = self.home.console.position()
        with self.on(self.joins) as begin:
            self.home.wait_for_console_text(r"omdiscd: node 2 .* is here", 300, since=mark)
            took = time.monotonic() - begin
            self.home.succeed("mosctl isup 2")
        self.home.wait_until_fails("mosctl isup 2")
        return took

    def nothing(self) -> float:
        with self.on(self.empty) as begin:
            self.empty.wait_for_console_text("empty: here", 300)
            return time.monotonic() - begin


@figure("boot_ratio", "<= 2.5", "<= 1.5", root="boot")
def boot(b: Boot) -> dict[str, Any]:
    """From the power switch to what another node sees, by the host's clock."""
    node, empty = turns(b.joined, b.nothing)
    return {"value": min(node) / min(empty), "joined_s": min(node), "empty_s": min(empty)}


def nothing_but_a_kernel(folder: Path) -> Path:
    """An initramfs with a first program that does nothing."""
    root = folder / "root"
    root.mkdir()
    shutil.copy(BUILD / "tests" / "empty", root / "init")
    packed = folder / "empty.cpio"
    with open(packed, "wb") as out:
        subprocess.run([TOP / "image" / "pack-cpio", root, "0"], stdout=out, check=True)
    return packed


@figure("decision_ms", "<= 10", "<= 10", root="host")
def decision(_: None) -> dict[str, Any]:
    """One decision among 4,000 nodes and 1,000 processes, on the host."""
    said = subprocess.run([BUILD / "tests" / "unit" / "test_balance"], text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    found = re.search(r"4000 nodes, 1000 processes: ([\d.]+) ms", said)
    assert found, said
    return {"value": float(found.group(1))}


@contextmanager
def place(root: str) -> Iterator[Any]:
    """What figures of that kind are measured in."""
    if root == "host":
        yield None
    elif root == "four":
        with Cluster(4, dhcp=True) as cluster:
            yield Four(cluster)
    elif root == "boot":
        with tempfile.TemporaryDirectory() as folder:
            empty = nothing_but_a_kernel(Path(folder))
            with Cluster([{}, {"later": True}, {"later": True, "initramfs": empty}], network="bridge", dhcp=True,
                         cmdline="tessera.cluster=boot") as cluster:
                yield Boot(cluster)
    else:
        with Cluster(2, network="bridge", memory=1536, root=root, discovery=False,
                     balance=False) as cluster:
            yield Bench(cluster)


def measure(figures: list[Figure], root: str, results: dict[str, Any]) -> bool:
    """Those of a kind, in one cluster; False: a bound was not kept."""
    kept = True
    if not figures:
        return kept
    with place(root) as bench:
        for one in figures:
            found = one.measure(bench)
            good = one.kept(found["value"])
            kept = kept and good
            results[one.name] = {"bound": one.bound, "aim": one.aim, "kept": good, **found}
            rest = "  ".join(f"{k}={v:.4g}" for k, v in found.items() if k != "value")
            print(f"{one.name:26} {found['value']:8.3f}  {one.bound or '-':>8}  {one.aim or '-':>8}  "
                  f"{'' if good else 'MISSED'}  {rest}", flush=True)
    return kept


def machine() -> dict[str, Any]:
    """What the figures depend on, beside the software."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal: *(\d+)", Path("/proc/meminfo").read_text(), re.M)
    emulator = subprocess.run([artifacts.qemu(), "--version"], text=True, check=True, stdout=subprocess.PIPE).stdout
    return {"cpus": os.cpu_count(), "model": model.group(1) if model else platform.machine(),
            "memory_mib": int(memory.group(1)) // 1024 if memory else None, "linux": platform.release(),
            "emulator": emulator.splitlines()[0], "load": os.getloadavg()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=BUILD / "bench" / "results.json")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to measure (default: all)")
    options = parser.parse_args()
    unknown = set(options.names) - {one.name for one in FIGURES}
    if unknown:
        parser.error(f"figures: {' '.join(one.name for one in FIGURES)}")
    chosen = [one for one in FIGURES if not options.names or one.name in options.names]

    results: dict[str, Any] = {"machine": machine()}
    print(f"{'figure':26} {'value':>8}  {'bound':>8}  {'aim':>8}")
    kept = [measure([one for one in chosen if one.root == root], root, results)
            for root in ("node", "four", "boot", "host", "debian")]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
