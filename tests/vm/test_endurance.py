# SPDX-License-Identifier: GPL-2.0-only
"""The same many times over: mutated images, round trips, moves at random.

Short here; `make soak` sets SOAK=1 for the long forms. SEED=N repeats a run, whose
seed is printed. After each nothing may be left behind: no process, no memory.
"""

import os
import random
import re
from dataclasses import dataclass
from math import ceil

import pytest

from moving import Carry, Family, Spin, be_patient, guests, prepare
from tessera.artifacts import BUILD, default_kernel
from tessera.timing import retry, scale

SOAK = os.environ.get("SOAK") == "1"
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))

# How often, and how much.
ARRIVALS, RETURNS = (10000, 2000) if SOAK else (300, 100)
TRIPS, TRIP_MIB = (1000, 64) if SOAK else (10, 8)
RANDOM_SECONDS = 600 if SOAK else 30 * scale()

WARM_UP = 60  # of what is repeated, before memory is measured
# What may be there more than before, KiB: neither of these grows with the number of repetitions.
KERNEL_MORE = 2048 if SOAK else 1024
MEMORY_LESS = 6144
# What was freed, and how it came about, KASAN and its like keep for a while; kmemleak looks there.
CHECKERS = 16384 if default_kernel() == "debug" else 0


def progress(text):
    """For people who wait; seen if pytest runs with -s."""
    print(f"  {text}", flush=True)


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    print(f"SEED={SEED}")
    # What goes there and back is gigabytes, which a hub would take apart into small packets.
    cluster = make_module_cluster(3, network="bridge", dhcp=True)
    prepare(*cluster.nodes)
    for node in cluster.nodes:
        if default_kernel() == "debug":
            be_patient(node, 6 * scale())
        for name in ("imagefuzz", "family"):
            node.copy_to(BUILD / "tests" / name, f"/tmp/{name}", mode=0o755)
    return cluster


# --- what is left behind -----------------------------------------------------------


@dataclass
class Memory:
    """KiB of a node: what the kernel holds that no pressure frees, and what is to be had."""
    kernel: int
    available: int


def memory(node):
    text = node.succeed("sync; echo 3 > /proc/sys/vm/drop_caches; cat /proc/meminfo")
    kib = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    return Memory(kib["SUnreclaim"] + kib["KernelStack"] + kib["PageTables"], kib["MemAvailable"])


class Nothing:
    """Nothing is left behind on these nodes, from here to check()."""

    def __init__(self, *nodes):
        self.before = [(node, memory(node)) for node in nodes]

    def check(self):
        for node, before in self.before:
            node.wait_until_succeeds("! ls /proc/hpc/remote | grep .")
            node.fail("grep -l ^State:.D /proc/[0-9]*/status")

            def settled():
                now = memory(node)
                return (now.kernel - before.kernel <= KERNEL_MORE + CHECKERS and
                        before.available - now.available <= MEMORY_LESS + CHECKERS)
            # What ended a moment ago is freed a moment later.
            retry(settled, 30, f"{node.name} gives memory back",
                  seen=lambda: f"{before} before, {memory(node)} after", interval=1)


# --- mutated images ---------------------------------------------------------------------


def fuzz(node, kind, first, count):
    done = node.execute(f"SLOWNESS={ceil(scale())} /tmp/imagefuzz {kind} {SEED} {first} {count}",
                        timeout=120 + count / 5)
    found = re.search(r"^tried (\d+) refused (\d+) accepted (\d+) sound (\d+) wrong (\d+)", done.stdout,
                      re.MULTILINE)
    assert found, f"SEED={SEED}: {done.stdout}{done.stderr}"
    assert done.status == 0, f"SEED={SEED} (imagefuzz {kind} SEED N 1 repeats N)\n{done.stdout}"
    return [int(number) for number in found.groups()]


@pytest.mark.deadline(14400 if SOAK else 300)
@pytest.mark.parametrize("kind, count", (("arrive", ARRIVALS), ("return", RETURNS)))
def test_mutated_images(cluster, kind, count):
    """Refused with an errno and without a trace, or sound after all; never anything else."""
    node = cluster.nodes[2]
    fuzz(node, kind, 0, WARM_UP)
    nothing = Nothing(node)
    sums, step = [0] * 5, 1000
    for first in range(WARM_UP, WARM_UP + count, step):
        sums = [a + b for a, b in zip(sums, fuzz(node, kind, first, min(step, WARM_UP + count - first)))]
        progress("{} of {}: {} refused, {} taken, {} of these ran".format(sums[0], count, *sums[1:4]))
    tried, was_refused, accepted, sound, _ = sums
    assert tried == count and was_refused + accepted >= count
    # Neither always the one nor always the other.
    assert was_refused > count // 4 and sound > count // 100
    nothing.check()


# --- round trips ----------------------------------------------------------------------------


def round_trips(home, program, count):
    move = f"migrate -t {60 * scale():g} {program.pid}"
    home.succeed(f"for i in $(seq {count}); do {move} 2 && {move} home || exit 1; done",
                 timeout=60 + count * 30)


@pytest.mark.deadline(14400 if SOAK else 300)
def test_round_trips(cluster):
    home, away, _ = cluster.nodes
    carry = Carry(home, TRIP_MIB)
    round_trips(home, carry, 3)
    nothing = Nothing(home, away)
    done = 0
    while done < TRIPS:
        count = min(20, TRIPS - done)
        round_trips(home, carry, count)
        done += count
        progress(f"{done} of {TRIPS}; {memory(home)} at home, {memory(away)} away")
    assert carry.moves() == 2 * (TRIPS + 3)
    carry.goes_on()
    nothing.check()
    carry.finish()


# --- at random ---------------------------------------------------------------------------------


def wander(home, pid, rng, seconds, nodes):
    """Has its home move it to and fro until the time is over; the file of what was said."""
    others = [number for number in nodes if number != home.spec.number]
    # A round of steps that is long enough not to matter.
    steps = " ".join(f"{rng.choice([*others, 'home', 'stopped'])}:{rng.expovariate(1.5):.2f}"
                     for _ in range(200))
    log = f"/tmp/moves.{pid}"
    home.succeed(f"""(
        end=$(($(cut -d. -f1 /proc/uptime) + {int(seconds)}))
        while :; do
            for step in {steps}; do
                [ $(cut -d. -f1 /proc/uptime) -lt $end ] || {{ echo over; exit; }}
                to=${{step%:*}}
                [ $to != stopped ] || {{ kill -STOP {pid}; to=home; }}
                migrate -t {60 * scale():g} {pid} $to && echo moved || echo "${{step%:*}}: no"
                kill -CONT {pid}
                sleep ${{step#*:}}
            done
        done) > {log} 2>&1 &""")
    return log


@pytest.mark.deadline(RANDOM_SECONDS + 600)
def test_moves_at_random(cluster):
    """Programs of three homes, some of them families of threads and children; all of them come to
    their end as if nothing had been."""
    one, two, three = cluster.nodes
    # A container for the guests of each other stays for a while.
    for node in cluster.nodes:
        spin = Spin(node)
        for number in {1, 2, 3} - {node.spec.number}:
            spin.migrate(number)
        spin.finish()
    nothing = Nothing(*cluster.nodes)
    programs = [Family(one, 1, 3), Carry(one, 8), Family(two, 2, 2), Carry(two, 2), Spin(three), Carry(three, 4)]
    members = [(program.home, pid) for program in programs for pid in program.members()]
    rng = random.Random(SEED)
    logs = [wander(home, pid, rng, RANDOM_SECONDS, (1, 2, 3)) for home, pid in members]
    moves = 0
    for (home, pid), log in zip(members, logs):
        home.wait_until_succeeds(f"grep -q over {log}", RANDOM_SECONDS + 200)
        said = home.succeed(f"cat {log}")
        assert not re.search("no$|^migrate:", said, re.MULTILINE), f"SEED={SEED}\n{said}"
        moves += (made := int(home.succeed(f"cat /proc/{pid}/nmigs")))
        progress(f"process {pid} of {home.name}: {made} moves")
    assert moves > RANDOM_SECONDS // (5 * scale())
    for program in programs:
        program.home.succeed(f"touch {program.file}.stop")
    for program in programs:
        program.finish()
    for node in cluster.nodes:
        assert guests(node) == []
    nothing.check()
