# SPDX-License-Identifier: GPL-2.0-only
"""The command ci/cluster; docs/cluster.md shows it at work."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, NoReturn

from . import files, owner, sockets, terminal
from .artifacts import CLUSTERS, default_kernel
from .client import PID_FILE, Client, is_up, take_down
from .cluster import Cluster
from .console import Console
from .errors import ClusterError, UsageError
from .machine import BOOTS, CPU, FIRMWARES, ROOTS
from .network import KINDS
from .server import Server

Args = argparse.Namespace


def say(text: str) -> None:
    print(f"cluster: {text}", file=sys.stderr, flush=True)


# -- up: a process of its own owns the cluster ----------------------------


def _make(args: Args) -> Cluster:
    return Cluster(
        nodes=args.nodes, network=args.network, seed=args.seed, dhcp=args.dhcp or args.boot == "pxe",
        folder=folder_of(args), root=args.root, boot=args.boot, firmware=args.firmware,
        memory=args.memory, cpus=args.cpus, cpu=args.cpu, disk=args.disk,
        nics=[f"lan{i}" for i in range(args.nics)], cmdline=args.append, kernel=args.kernel,
        initramfs=args.initramfs, iso=args.iso, set_number=not args.no_number,
        pxe_root=args.pxe_root, pxe_file=args.pxe_file)


def _own(cluster: Cluster, args: Args, tell: Callable[[str], None]) -> None:
    """Starts the cluster, tells how that went, and serves it until it is to end."""
    (cluster.folder / PID_FILE).write_text(f"{os.getpid()}\n")
    cluster.check_artifacts()
    cluster.start()
    server = Server(cluster)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    if cluster.seed is not None:
        tell(f"the hub's seed is {cluster.seed:#018x}")
    start = time.monotonic()
    if not args.no_wait:
        for node in cluster.nodes:
            node.wait_ready(args.timeout)
            tell(f"{node.name} is ready ({time.monotonic() - start:.1f} s)")
    tell("")
    server.wait()


def _owner(args: Args, pipe: int) -> NoReturn:
    """The owning process: no terminal, output to driver.log."""
    def tell(text: str) -> None:
        try:
            os.write(pipe, (text + "\n").encode())
        except BrokenPipeError:
            pass  # whoever called `up` is gone; the cluster stays
    cluster, status = None, 1
    try:
        cluster = _make(args)
        log = os.open(cluster.folder / "driver.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        _own(cluster, args, tell)
        status = 0
    except UsageError as error:
        tell(f"usage: {error}")
    except ClusterError as error:
        tell(f"error: {error}")
    except Exception as error:  # pylint: disable=broad-except
        tell(f"error: {error!r}")
        traceback.print_exc()
    finally:
        if cluster:
            cluster.close()
        os._exit(status)


def do_up(args: Args) -> int:
    if is_up(folder_of(args)):
        raise ClusterError(f"cluster '{args.cluster}' is already up; "
                           "'ci/cluster status' shows it, 'ci/cluster down' ends it")
    child, source = owner.begin(lambda pipe: _owner(args, pipe))
    try:
        return _follow_start(source)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        say("interrupted; nothing is left running")
        return 1


def _follow_start(source: int) -> int:
    with os.fdopen(source) as stream:
        failed = 0
        for line in stream:
            text = line.rstrip("\n")
            if not text:
                say("up; try 'ci/cluster status' or 'ci/cluster sh node1'")
                return 0
            kind, _, rest = text.partition(": ")
            if kind in ("error", "usage"):
                failed, text = (2 if kind == "usage" else 1), rest
            say(text)
    if not failed:
        say("the cluster's owner ended unasked")
    return failed or 1


# -- the other commands ---------------------------------------------------


def folder_of(args: Args) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}", args.cluster):
        raise UsageError(f"'{args.cluster}' is no name for a cluster: letters, digits, - and _")
    return CLUSTERS / args.cluster


def client(args: Args) -> Client:
    return Client(folder_of(args))


def node_name(args: Args) -> str:
    """The node's full name, for a name or a number."""
    return f"node{args.node}" if args.node.isdigit() else args.node


def do_down(args: Args) -> int:
    if not take_down(folder_of(args)):
        say(f"cluster '{args.cluster}' was not up")
    return 0


def do_status(args: Args) -> int:
    status = client(args).call("status")
    if args.json:
        print(json.dumps(status, indent=2))
        return 0
    print(f"cluster {status['name']}: network {status['network']}, seed {status['seed'] or '-'}, "
          f"up for {status['up_s']:.0f} s, folder {status['folder']}")
    row = "{:<10} {:<8} {:<6} {:>6} {:>5} {:>7} {:>7}  {}"
    print(row.format("NODE", "STATE", "READY", "NUMBER", "CPUS", "MEMORY", "REPORTS", "ADDRESSES"))
    for node in status["nodes"]:
        print(row.format(node["name"], node["state"], "yes" if node["ready"] else "no",
                         "-" if node["number"] is None else node["number"], node["cpus"],
                         node["memory_mib"], len(node["reports"]),
                         " ".join(node["addresses"]) or "-"))
    return 0


def do_sh(args: Args) -> int:
    try:
        agent = client(args).agent(args.node)
        words = args.command[1:] if args.command[:1] == ["--"] else args.command
        argv = ["/bin/sh", "-c", " ".join(words)] if words else []
        if args.tty or not argv:
            return terminal.interact(agent, argv)
        return terminal.run(agent, argv)
    except UsageError:
        raise
    except ClusterError as error:
        say(str(error))
        return 255


def do_cp(args: Args) -> int:
    source, target = (re.fullmatch(r"(?:([^/:]+):)?(.+)", text, re.S) for text in
                      (args.source, args.target))
    if not source or not target or bool(source[1]) == bool(target[1]):
        raise UsageError("name one path of a node, as NODE:PATH, and one here")
    if target[1]:
        files.copy_to(client(args).agent(target[1]), Path(source[2]), target[2])
    else:
        files.copy_from(client(args).agent(source[1]), source[2], Path(target[2]))
    return 0


def do_kill(args: Args) -> int:
    client(args).call("kill", node=args.node)
    return 0


def do_start(args: Args) -> int:
    client(args).call("start", node=args.node, timeout=args.timeout)
    return 0


def do_reboot(args: Args) -> int:
    client(args).call("reboot", node=args.node, hard=args.hard, timeout=args.timeout)
    return 0


def do_shutdown(args: Args) -> int:
    client(args).call("shutdown", node=args.node, timeout=args.timeout)
    return 0


def do_screenshot(args: Args) -> int:
    client(args).call("screenshot", node=args.node, path=str(args.file.absolute()))
    return 0


def do_link(args: Args) -> int:
    client(args).call("link", node=args.node, up=args.state == "up", nic=args.nic)
    return 0


def do_record(args: Args) -> int:
    path = None if args.file == "off" else str(Path(args.file).absolute())
    client(args).call("record", path=path, lan=args.lan)
    return 0


def do_dhcp(args: Args) -> int:
    client(args).call("dhcp", run=args.state == "start")
    return 0


def do_console(args: Args) -> int:
    folder = folder_of(args) / node_name(args)
    if not folder.is_dir():
        raise UsageError(f"cluster '{args.cluster}' has no node '{args.node}'")
    if args.interactive:
        return _console_keys(folder)
    console = Console(folder / "console.log", node_name(args))
    at = 0
    while True:
        data = console.read(at)
        at += len(data)
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        if not args.follow:
            return 0
        time.sleep(0.2)


def _console_keys(folder: Path) -> int:
    try:
        sock = sockets.connect(folder / "console.sock")
    except OSError as error:
        raise ClusterError(f"{folder.name} has no console now: {error.strerror}") from error
    say("Ctrl-] leaves")
    terminal.raw_relay(sock)
    return 0


def _amount(kind: str, text: str) -> float:
    """A probability ('5%' or 0.05) or milliseconds ('15' or '15ms')."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(%|ms|s)?", text)
    timed = kind in ("delay", "jitter")
    if not match or (match[2] == "%") == timed and match[2]:
        raise UsageError(f"'{text}' is no value for {kind}: say "
                         + ("15ms" if timed else "5% or 0.05"))
    value = float(match[1]) * {"%": 0.01, "s": 1000}.get(match[2], 1)
    if not timed and value > 1:
        raise UsageError(f"'{text}' is more than all: say 5% or 0.05")
    return value


def do_fault(args: Args) -> int:
    call, words, lan = client(args).call, args.words, args.lan
    verb = words.pop(0) if words else "show"
    if verb in ("loss", "delay", "jitter", "dup", "reorder") and words:
        values = {verb: _amount(verb, words.pop(0))}
        if verb == "delay" and words:
            values["jitter"] = _amount("jitter", words.pop(0))
        _no_more(words)
        call("fault", values=values, sender=args.sender, receiver=args.receiver, lan=lan)
    elif verb == "cut" and len(words) == 2:
        call("cut", one=words[0], other=words[1], one_way=args.one_way, lan=lan)
    elif verb == "partition" and len(words) >= 2:
        call("partition", groups=[group.split(",") for group in words], one_way=args.one_way,
             lan=lan)
    elif verb in ("heal", "clear") and not words:
        call(verb, lan=lan)
    elif verb in ("show", "stats") and not words:
        _show(call("faults" if verb == "show" else "stats", lan=lan), args.json)
    else:
        raise UsageError(f"cannot make sense of 'fault {verb}'; see 'ci/cluster fault --help'")
    return 0


def _no_more(words: list[str]) -> None:
    if words:
        raise UsageError(f"'{words[0]}' is one word too many")


def _show(answer: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer, indent=2))
    elif isinstance(answer, dict):
        for name, counters in answer.items():
            print(name, *(f"{key}={value}" for key, value in counters.items()))
    else:
        for pair in answer:
            print(*(f"{key}={value}" for key, value in pair.items()))


# -- words of the command line --------------------------------------------


class Parser(argparse.ArgumentParser):
    """No abbreviated options: what a script says today means the same tomorrow."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, allow_abbrev=False, **kwargs)


def parser() -> Parser:
    top = Parser(prog="ci/cluster", description="Emulated Tessera nodes on a virtual LAN.",
                 epilog="Exit status: 0 done, 1 failed, 2 wrong usage; 'sh' gives the "
                        "command's own, and 255 if the node cannot be reached.")
    top.add_argument("--cluster", default="default", metavar="NAME",
                     help="which cluster, if there are several (default: %(default)s)")
    commands = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[Args], int], text: str) -> Parser:
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(run=run)
        return sub

    def node_command(name: str, run: Callable[[Args], int], text: str) -> Parser:
        sub = command(name, run, text)
        sub.add_argument("node", metavar="NODE", help="a name such as node1, or its number")
        return sub

    def with_timeout(sub: Parser) -> None:
        sub.add_argument("--timeout", type=float, default=180, metavar="S",
                         help="how long to wait for it (default: %(default)s s)")

    _up_options(command("up", do_up, "start nodes and leave them running"))
    sub = command("status", do_status, "show the nodes")
    sub.add_argument("--json", action="store_true", help="for programs")
    sub = node_command("sh", do_sh, "run a command in a node, or a shell on this terminal")
    sub.add_argument("-t", "--tty", action="store_true", help="give the command a terminal")
    sub.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD",
                     help="words for the node's shell; none: an interactive one (Ctrl-] leaves)")
    sub = command("cp", do_cp, "copy a file or folder to a node, or a file from it")
    sub.add_argument("source", metavar="SRC", help="PATH, or NODE:PATH")
    sub.add_argument("target", metavar="DST", help="NODE:PATH, or PATH")
    node_command("kill", do_kill, "cut a node's power")
    with_timeout(node_command("start", do_start, "switch a node on again"))
    sub = node_command("reboot", do_reboot, "restart a node")
    sub.add_argument("--hard", action="store_true", help="by its reset button")
    with_timeout(sub)
    with_timeout(node_command("shutdown", do_shutdown, "have a node power itself off"))
    sub = node_command("console", do_console, "show a node's console log")
    sub.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    sub.add_argument("-i", "--interactive", action="store_true", help="type on it (Ctrl-] leaves)")
    sub = node_command("screenshot", do_screenshot, "save what a node's screen shows")
    sub.add_argument("file", type=Path, metavar="FILE.png")
    sub = node_command("link", do_link, "pull a node's network cable, or put it back")
    sub.add_argument("state", choices=("up", "down"))
    sub.add_argument("--nic", type=int, default=0, metavar="N", help="which NIC (default: 0)")
    _fault_options(command("fault", do_fault, "make, show and mend network faults"))
    sub = command("record", do_record, "record the LAN's frames to a pcap file")
    sub.add_argument("file", metavar="FILE|off")
    sub.add_argument("--lan", default="lan0", help=argparse.SUPPRESS)
    sub = command("dhcp", do_dhcp, "start or stop the DHCP server of the LANs")
    sub.add_argument("state", choices=("start", "stop"))
    command("down", do_down, "end the nodes, and remove all that is left of them")
    return top


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 60:
        raise ValueError(text)
    return value


def _up_options(sub: Parser) -> None:
    def add(name: str, text: str, **kwargs: Any) -> None:
        default = kwargs.get("default")
        sub.add_argument(name, help=text + (f" (default: {default})" if default else ""), **kwargs)
    add("--nodes", "how many", type=_count, default=3, metavar="N")
    add("--root", "what they run", choices=ROOTS, default="node")
    add("--boot", "how they boot", choices=BOOTS, default="kernel")
    add("--firmware", "of the PCs", choices=FIRMWARES, default="bios")
    add("--network", "hub: faults on demand; bridge: speed", choices=sorted(KINDS), default="hub")
    add("--kernel", "base, debug, or a bzImage", default=default_kernel(), metavar="K")
    add("--initramfs", "another than the built one", type=Path, metavar="FILE")
    add("--iso", "image for --boot iso and usb", type=Path, metavar="FILE")
    add("--pxe-root", "TFTP folder for --boot pxe; else an iPXE script boots the node image",
        type=Path, metavar="DIR")
    add("--pxe-file", "file in it that the boot ROM asks for", default="", metavar="NAME")
    add("--memory", "MiB of each node (node: 384, debian: 768)", type=int, metavar="MIB")
    add("--cpus", "of each node", type=_count, default=1, metavar="N")
    add("--cpu", "model", default=CPU, metavar="MODEL")
    add("--disk", "MiB of an extra disk", type=int, default=0, metavar="MIB")
    add("--nics", "NICs of each node; the first is on lan0, the next on lan1...", type=_count,
        default=1, metavar="N")
    add("--append", "more kernel parameters", default="", metavar="WORDS")
    add("--no-number", "do not tell the nodes their numbers", action="store_true")
    add("--dhcp", "run a DHCP server on the LANs", action="store_true")
    add("--seed", "of the hub's faults, as an earlier run printed it", metavar="N",
        type=lambda text: int(text, 0))
    add("--no-wait", "return without waiting until the nodes take commands", action="store_true")
    add("--timeout", "seconds to wait for each node", type=float, default=180, metavar="S")


def _fault_options(sub: Parser) -> None:
    sub.formatter_class = argparse.RawDescriptionHelpFormatter
    sub.epilog = """what to do:
  loss 5%              lose frames            cut A B          nothing passes between A and B
  delay 15ms [5ms]     delay, with jitter     partition A,B C  groups that do not hear each other
  dup 1%               send frames twice      heal             mend cuts and partitions
  reorder 10%          hold frames back       clear            take all faults away
  show                 the faults there are   stats            counters of the hub

Faults hold for all frames, or those of --from and --to. They need --network hub."""
    sub.add_argument("words", nargs="*", metavar="WORD", help="see below")
    sub.add_argument("--from", dest="sender", metavar="NODE", help="only what NODE sends")
    sub.add_argument("--to", dest="receiver", metavar="NODE", help="only what NODE would get")
    sub.add_argument("--one-way", action="store_true", help="cut, partition: what A (the first "
                     "group) sends is not heard, but it hears the others")
    sub.add_argument("--lan", default="lan0", metavar="NAME", help="which LAN (default: lan0)")
    sub.add_argument("--json", action="store_true", help="show, stats: for programs")


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        return args.run(args)
    except UsageError as error:
        say(str(error))
        return 2
    except (ClusterError, OSError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
