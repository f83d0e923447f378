#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""tests/bench/bench.py [--json FILE] [NAME...]: what moving and being away costs.

Every figure is a ratio of two things measured one after the other on the same two emulated
nodes, so that a slow host slows both.  Needs root; `make bench` calls it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any, Callable

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "ci"))

from tessera.artifacts import BUILD  # noqa: E402
from tessera.cluster import Cluster  # noqa: E402

FIGURES: list[tuple[str, str, Callable[["Bench"], dict[str, Any]]]] = []


def figure(name: str, aim: str) -> Callable[..., Any]:
    def register(function: Callable[["Bench"], dict[str, Any]]) -> Any:
        FIGURES.append((name, aim, function))
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
        self.target = addresses[1]
        self.serial = 0

    def run(self, command: str, timeout: float = 600) -> dict[str, Any]:
        return json.loads(self.home.succeed(f"/tmp/bench {command}", timeout=timeout))

    def serve(self, command: str) -> None:
        self.away.succeed(f"(setsid /tmp/bench {command} >/dev/null 2>&1 &)")
        port = int(command.split()[1])
        self.away.wait_until_succeeds(f"grep -q ':{port:04X} 00000000:0000 0A' /proc/net/tcp")

    def work(self, command: str, move: bool, timeout: float = 900) -> dict[str, Any]:
        """What 'bench work' prints, and what is known of its move, if it was moved."""
        self.serial += 1
        go, out = f"/tmp/go.{self.serial}", f"/tmp/out.{self.serial}"
        pid = self.home.succeed(f"setsid /tmp/bench work {go} {command} >{out} 2>&1 & echo $!").strip()
        # It has its memory when it looks for the file.
        self.home.wait_until_succeeds(f"grep -q nanosleep /proc/{pid}/stack", timeout=timeout)
        known: dict[str, Any] = {}
        if move:
            self.home.succeed(f"migrate {pid} 2", timeout=timeout)
            known = self.run(f"info {pid}")
        self.home.succeed(f"touch {go}")
        self.home.wait_until_succeeds(f"! kill -0 {pid} 2>/dev/null", timeout=timeout)
        return {**json.loads(self.home.succeed(f"cat {out}")), "move": known}

    def stream(self) -> float:
        """MB/s of one TCP stream, the best of three."""
        return max(self.run(f"stream {self.target} 5001 256")["mb_s"] for _ in range(3))


@figure("migrate_throughput_ratio", ">= 0.9")
def migrate_throughput(b: Bench) -> dict[str, Any]:
    tcp = b.stream()
    moves = [b.work("hold 512", True)["move"] for _ in range(3)]
    rates = [m["image_bytes"] / 1e6 / (m["freeze_ns"] / 1e9) for m in moves]
    best = max(moves, key=lambda m: m["image_bytes"] / m["freeze_ns"])
    return {"value": max(rates) / tcp, "move_mb_s": max(rates), "tcp_mb_s": tcp,
            "freeze_ms_per_mb": best["freeze_ns"] / 1e6 / (best["image_bytes"] / 1e6)}


@figure("forwarded_call_ratio", "<= 0.95")
def forwarded_call(b: Bench) -> dict[str, Any]:
    # The frames of getppid(): 88 bytes there, 16 back.
    tcp = statistics.median(b.run(f"ask {b.target} 5002 2000 16")["ns"] for _ in range(3))
    call = statistics.median(b.work("call 2000", True)["ns"] for _ in range(3))
    return {"value": call / tcp, "call_us": call / 1e3, "tcp_us": tcp / 1e3}


@figure("forwarded_io_ratio", ">= 1.0")
def forwarded_io(b: Bench) -> dict[str, Any]:
    b.home.succeed("dd if=/dev/urandom of=/tmp/data bs=1M count=64 2>/dev/null")
    tcp = max(b.run(f"ask {b.target} 5003 1024 65536")["mb_s"] for _ in range(3))
    read = max(b.work("read /tmp/data 65536", True)["mb_s"] for _ in range(3))
    return {"value": read / tcp, "read_mb_s": read, "tcp_mb_s": tcp}


@figure("forwarded_bulk_ratio", ">= 0.8")
def forwarded_bulk(b: Bench) -> dict[str, Any]:
    tcp = b.stream()
    read = max(b.work("read /tmp/data 1048576", True)["mb_s"] for _ in range(3))
    write = max(b.work("write /tmp/written 1048576 64", True)["mb_s"] for _ in range(3))
    return {"value": min(read, write) / tcp, "read_mb_s": read, "write_mb_s": write, "tcp_mb_s": tcp}


@figure("cpu_guest_ratio", "<= 1.005")
def cpu_guest(b: Bench) -> dict[str, Any]:
    pairs = [(b.work("cpu 300000000", True)["s"], b.work("cpu 300000000", False)["s"])
             for _ in range(3)]
    away, home = (min(column) for column in zip(*pairs))
    return {"value": away / home, "away_s": away, "home_s": home}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=BUILD / "bench" / "results.json")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to measure (default: all)")
    options = parser.parse_args()
    chosen = [f for f in FIGURES if not options.names or f[0] in options.names]
    if not chosen:
        parser.error(f"figures: {' '.join(name for name, _, _ in FIGURES)}")

    results: dict[str, Any] = {"machine": {"cpus": os.cpu_count(), "load": os.getloadavg()}}
    with Cluster(2, network="bridge", memory=1536) as cluster:
        bench = Bench(cluster)
        bench.serve("sink 5001")
        bench.serve("reply 5002 16")
        bench.serve("reply 5003 65536")
        print(f"{'figure':28} {'value':>8}  {'aim':>8}")
        for name, aim, measure in chosen:
            results[name] = {"aim": aim, **measure(bench)}
            rest = "  ".join(f"{k}={v:.4g}" for k, v in results[name].items()
                             if k not in ("aim", "value"))
            print(f"{name:28} {results[name]['value']:8.3f}  {aim:>8}  {rest}", flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
