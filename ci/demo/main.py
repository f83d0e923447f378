# SPDX-License-Identifier: GPL-2.0-only
"""The command ci/demo/run. A process of its own owns the cluster, so that this can stay on when the
terminal is given back; it writes on the same terminal until then."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from typing import NoReturn

from tessera import owner
from tessera.artifacts import BUILD, CLUSTERS
from tessera.client import PID_FILE, is_up
from tessera.errors import ClusterError

from .rooms import NAME, Quick, Room, Whole
from .screen import Screen
from .story import Story, instructions

FOLDER = CLUSTERS / NAME
KEPT = BUILD / "demo"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ci/demo/run", allow_abbrev=False,
        description="A cluster of emulated PCs does real work, loses a node and gets another one. 'make demo' builds what is "
                    "needed and calls this.",
        epilog="Exit status: 0 if nothing was lost, 1 otherwise, 2 wrong usage. Log and pictures: build/demo.")
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="on from the start, 3 to 16 (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="plain nodes, without a medium and network boot")
    parser.add_argument("--keep", action="store_true", help="leave the cluster on, and say how to use it")
    args = parser.parse_args()
    if not 3 <= args.nodes <= 16:
        parser.error(f"--nodes {args.nodes}: at least 3, at most 16")
    return args


def tell(room: Room, screen: Screen) -> int:
    (FOLDER / PID_FILE).write_text(f"{os.getpid()}\n")
    try:
        return 0 if Story(room, screen).tell() else 1
    except ClusterError as error:
        screen.plain("", f"demo: {error}", f"demo: what the nodes said is in {os.path.relpath(screen.folder)}")
        return 1
    finally:
        room.cluster.collect(screen.folder / "nodes")


def own(args: argparse.Namespace, pipe: int) -> NoReturn:
    """The process that owns the cluster. What it writes to the pipe is the exit status."""
    room, status = None, 1
    try:
        screen = Screen(KEPT)
        room = (Quick if args.quick else Whole)(FOLDER, args.nodes, screen.step, screen.folder)
        status = tell(room, screen)
        if args.keep and room.server:
            screen.plain(*instructions())
            hand_over(pipe, status)
            signal.signal(signal.SIGTERM, lambda *_: room.server.stop())
            room.server.wait()
    except ClusterError as error:
        print(f"demo: {error}", file=sys.stderr)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
    finally:
        if room:
            room.close()
        hand_over(pipe, status)
        os._exit(status)


def hand_over(pipe: int, status: int) -> None:
    """Tells the status, and lets go of the terminal."""
    try:
        os.write(pipe, bytes([status]))
    except BrokenPipeError:
        pass
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    os.close(null)


def main() -> int:
    args = parse()
    if is_up(FOLDER):
        print(f"demo: the cluster of an earlier one is up; 'ci/cluster --cluster {NAME} down' ends it", file=sys.stderr)
        return 1
    child, source = owner.begin(lambda pipe: own(args, pipe))
    # Whoever ends this ends the cluster.
    def end(*_: object) -> None:
        os.kill(child, signal.SIGTERM)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    status = os.read(source, 1)
    if not status or not args.keep:
        os.waitpid(child, 0)
    return status[0] if status else 1
