# SPDX-License-Identifier: GPL-2.0-only
"""The command."""

from __future__ import annotations

import argparse
import fcntl
import ipaddress
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import MAC, ServeError

# What serves is loaded by those who serve: --status is asked often, on slow machines.
if TYPE_CHECKING:
    from .service import Options

RUN = Path("/run/tessera-serve")
PAYLOAD = Path("/usr/share/tessera/netboot")
KEY_FILE = Path("/etc/tessera/cluster.key")
LIVE = [Path("/run/tessera/image/live.squashfs"), Path("/run/tessera/medium/tessera/live.squashfs")]
EPILOG = """\
Run as root. It goes on until Ctrl-C, or `tessera-serve --stop`.
Exit status: 0 done, 1 failed, 2 wrong usage. More: man tessera-serve."""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="tessera-serve", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Boots the other machines of the room from the network, as nodes of this cluster.")
    p.add_argument("-i", "--interface", action="append", default=[], metavar="CARD",
                   help="serve this network card (may be repeated; default: all with a cable in)")
    p.add_argument("--dhcp", choices=("auto", "proxy", "full"), default="auto",
                   help="auto: looks for a DHCP server, goes beside it if there is one, gives addresses "
                        "itself if there is none; proxy: never gives addresses; full: only where there is no server")
    p.add_argument("--network", metavar="A.B.C.D/P", type=network, help="the network to give addresses in")
    p.add_argument("--allow", action="append", default=[], metavar="MAC", type=mac_address,
                   help="boot only the machine with this card (may be repeated)")
    p.add_argument("--no-key", action="store_true", help="do not hand out the cluster's key")
    p.add_argument("--cluster", metavar="NAME", help="the cluster to join (default: this machine's)")
    p.add_argument("--live", nargs="?", const="", metavar="FILE",
                   help="boot Debian on the machines, not compute nodes (default FILE: this machine's)")
    p.add_argument("--append", default="", metavar="WORDS", help="more kernel parameters for the machines")
    p.add_argument("--native", action="store_true",
                   help="loaders with network drivers of their own, for firmware whose driver fails")
    p.add_argument("--port", type=int, default=80, help="of the HTTP server (default: 80)")
    p.add_argument("--payload", type=Path, default=PAYLOAD, metavar="FOLDER", help=argparse.SUPPRESS)
    p.add_argument("--key-file", type=Path, default=KEY_FILE, metavar="FILE", help="the cluster's key")
    p.add_argument("--run", type=Path, default=RUN, help=argparse.SUPPRESS)
    p.add_argument("--status", action="store_true", help="what the running one does, and for whom")
    p.add_argument("--json", action="store_true", help="with --status: for programs; else: a line of JSON an event")
    p.add_argument("--stop", action="store_true", help="end the running one")
    p.add_argument("-V", "--version", action="store_true", help="print the version of what is served, and end")
    p.add_argument("--print-rules", metavar="ADDRESS/P", type=ipaddress.ip_interface,
                   help="print dnsmasq's configuration for another server, and end")
    return p


def network(text: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def mac_address(text: str) -> str:
    text = text.lower().replace("-", ":")
    if not MAC.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no address of a network card")
    return text


def boot_word(name: str) -> str:
    """A word of the kernel's command line, '' if it is not there."""
    try:
        words = Path("/proc/cmdline").read_text().split()
    except OSError:
        return ""
    return next((w.partition("=")[2] for w in reversed(words) if w.startswith(name + "=")), "")


def read_secret(args: argparse.Namespace) -> bytes:
    if args.no_key:
        return b""
    word = boot_word("tessera.key")
    if word:
        return word.encode() + b"\n"
    try:
        return args.key_file.read_bytes()
    except OSError as error:
        raise ServeError(f"no cluster key in '{args.key_file}': {error.strerror}; write one there, or use --no-key "
                         "(the machines then need tessera.key= by --append)") from error


def find_live(args: argparse.Namespace) -> Path | None:
    if args.live is None:
        return None
    for path in [Path(args.live)] if args.live else LIVE:
        if path.is_file():
            return path
    raise ServeError(f"there is no Debian image at {args.live or ' or '.join(map(str, LIVE))}; "
                     "name the squashfs: --live FILE")


def payload_version(folder: Path) -> str:
    try:
        return (folder / "release").read_text().strip().removeprefix("TESSERA_VERSION=")
    except OSError:
        return "unknown: nothing to serve is installed"


def options(args: argparse.Namespace) -> Options:
    from .service import Options
    if os.geteuid():
        raise ServeError("DHCP needs root: run it with sudo")
    if not (args.payload / "vmlinuz").exists():
        raise ServeError(f"'{args.payload}' has no kernel to serve; install the package tessera-netboot")
    cluster = args.cluster or boot_word("tessera.cluster") or "tessera"
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", cluster):
        raise ServeError(f"'{cluster}' is no name of a cluster: letters, digits, '.', '_', '-', at most 64")
    return Options(args.payload, args.run, args.interface, args.dhcp, args.network, cluster, args.append,
                   read_secret(args), frozenset(args.allow), find_live(args), args.port, args.native)


# --- the display -------------------------------------------------------------

def mib(count: int) -> str:
    return f"{count / (1 << 20):.1f}"


def table(state: dict) -> str:
    lines = [f"cluster '{state['cluster']}', key {state['key']}"]
    for card in state["cards"]:
        beside = f"beside {', '.join(card['servers'])}" if card["servers"] else "proxy"
        what = beside if card["dhcp"] == "proxy" else "gives the addresses"
        lines.append(f"{card['card']} {card['address']}: {what}")
    lines += ["", f"{'card':17}  {'address':15}  {'firmware':9}  {'node':>5}  state"]
    for m in state["machines"]:
        loading = m["state"].startswith("loading") and m["total"]
        progress = f" {mib(m['sent'])} of {mib(m['total'])} MiB" if loading else ""
        lines.append(f"{m['mac']}  {m['ip']:15}  {m['kind']:9}  {m['node'] or '':>5}  {m['state']}{progress}")
    if not state["machines"]:
        lines.append("no machine yet: switch one on, and let it boot from the network")
    return "\n".join(lines)


class Display:
    """Events as lines; on a terminal, the table of machines as well, kept up to date."""

    def __init__(self, as_json: bool):
        self._json = as_json
        self._terminal = sys.stdout.isatty() and not as_json
        self._lock = threading.Lock()
        self._drawn = 0

    def event(self, text: str) -> None:
        with self._lock:
            self._erase()
            if self._json:
                line = json.dumps({"time": round(time.time(), 3), "event": text})
            else:
                line = f"{time.strftime('%H:%M:%S')} {text}"
            print(line, flush=True)

    def draw(self, state: dict) -> None:
        if not self._terminal:
            return
        with self._lock:
            self._erase()
            text = table(state)
            print(text, flush=True)
            self._drawn = text.count("\n") + 1

    def _erase(self) -> None:
        if self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}A\x1b[J")
        self._drawn = 0


# --- running -----------------------------------------------------------------

def lock_run(folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o755)
    lock = open(folder / "lock", "a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise ServeError(f"it is running already (process {lock.read().strip()}); "
                         "see tessera-serve --status, end it with --stop") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def write_state(folder: Path, state: dict) -> None:
    part = folder / "state.part"
    part.write_text(json.dumps(state))
    part.replace(folder / "state.json")


def serve(args: argparse.Namespace) -> int:
    from .service import Service
    chosen = options(args)
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    with lock_run(args.run):
        display = Display(args.json)
        service = Service(chosen, display.event)
        try:
            service.start()
            write_state(args.run, service.state())
            display.event("ready: machines that boot from the network become nodes")
            while not ending.is_set() and not service.problem():
                state = service.state()
                write_state(args.run, state)
                display.draw(state)
                ending.wait(1)
        finally:
            service.stop()
            for name in ("state.json", "dnsmasq.conf", "leases"):
                (args.run / name).unlink(missing_ok=True)
        if service.problem():
            raise ServeError(service.problem())
        display.event("ended")
    return 0


def read_state(folder: Path) -> dict:
    try:
        state = json.loads((folder / "state.json").read_text())
        os.kill(state["pid"], 0)
        return state
    except PermissionError:
        return state
    except (OSError, ValueError):
        raise ServeError("tessera-serve is not running") from None


def stop(folder: Path) -> int:
    pid = read_state(folder)["pid"]
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    with open(folder / "lock", encoding="ascii") as lock:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return 0
            except BlockingIOError:
                time.sleep(0.1)
    raise ServeError(f"process {pid} does not end")


def print_rules(address: ipaddress.IPv4Interface, port: int) -> int:
    from .rules import Rules, Segment, lease_range
    segment = Segment("eth0", address, False, *lease_range(address))
    print(Rules("/srv/tftp/loaders", port, [segment]).text(
        "Beside another DHCP server, see the second half, and leave the first out."), end="")
    beside = Segment("eth0", address, True)
    proxy = "\n".join(Rules("", port).proxy(beside))
    print("\n# Instead of everything from 'eth0' on:\n" + "\n".join("#" + line for line in proxy.splitlines()))
    return 0


def stay_home() -> None:
    """On a node: this machine's network is served, so it is not to move to another."""
    try:
        Path("/proc/self/lock").write_text("1")
    except OSError:
        pass  # no Tessera kernel, or nothing to lock


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    stay_home()
    try:
        if args.version:
            print(f"tessera-serve (Tessera {payload_version(args.payload)})")
            return 0
        if args.print_rules:
            return print_rules(args.print_rules, args.port)
        if args.stop:
            return stop(args.run)
        if args.status:
            state = read_state(args.run)
            print(json.dumps(state) if args.json else table(state))
            return 0
        return serve(args)
    except ServeError as error:
        print(f"tessera-serve: {error}", file=sys.stderr)
        return 1
