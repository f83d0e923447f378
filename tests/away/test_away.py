# SPDX-License-Identifier: GPL-2.0-only
"""Every case on three nodes, moved at each of its points, or all the time.

tests/away/cases/*.c are programs that check themselves; tests/away/driver.c starts
them on node 1 and moves them. AWAY_RANDOM=SECONDS in the environment moves each at
random moments for so long instead, by AWAY_SEED.
"""

import os

import pytest

import cases
from tessera.timing import scale

MAP = b"1 10.20.0.1 3\n"
PLAN = "2/home/3,home,2/home"
FOLDER = "/tmp/away"
RANDOM = float(os.environ.get("AWAY_RANDOM") or 0)
SEED = os.environ.get("AWAY_SEED") or "1"
JOBS = 1 if RANDOM else 4
EACH = 120  # seconds that one case may take
MOVER = "#!/bin/sh\nexec migrate -t {seconds:g} \"$@\"\n"


@pytest.fixture(scope="module")
def home(make_module_cluster):
    nodes = make_module_cluster(3, dhcp=True).nodes
    for node in nodes:
        assert node.address(begins="10.20.") == f"10.20.0.{node.spec.number}"
        node.copy_to(MAP, "/tmp/map")
        node.succeed("setpe -w -f /tmp/map")
        node.wait_until_succeeds("test -S /run/tessera/hpcd.sock")
    return nodes[0]


def _copy(home, names):
    home.succeed(f"mkdir -p {FOLDER}/cases")
    home.copy_to(cases.program("driver"), f"{FOLDER}/driver", mode=0o755)
    home.copy_to(MOVER.format(seconds=EACH * scale()).encode(), f"{FOLDER}/mover", mode=0o755)
    for name in names:
        home.copy_to(cases.program(f"cases/{name}"), f"{FOLDER}/cases/{name}", mode=0o755)
    for plugin in cases.PROGRAMS.glob("*.so"):
        home.copy_to(plugin, f"{FOLDER}/{plugin.name}", mode=0o755)


@pytest.fixture(scope="module")
def all_cases(request, home):
    """One run of the driver for all cases that were asked for."""
    wanted = [item.callspec.params["name"] for item in request.session.items
              if "home" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec")]
    _copy(home, wanted)
    words = [f"{FOLDER}/driver", "--plan", PLAN, "--mover", f"{FOLDER}/mover", "--jobs", JOBS,
             "--timeout", EACH * scale()]
    limit = EACH * len(wanted) / JOBS
    if RANDOM:
        words += ["--random", RANDOM, "--seed", SEED]
        limit += RANDOM * len(wanted)
    words += [f"{FOLDER}/cases/{name}" for name in wanted]
    done = home.execute([str(word) for word in words], timeout=limit)
    found = cases.outcomes(done.stdout)
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.deadline(7200 + len(cases.NAMES) * RANDOM * 1.5)
@pytest.mark.parametrize("name", cases.NAMES)
def test_right_wherever_it_is(all_cases, name):
    assert name in all_cases, "the driver says nothing of it"
    outcome = all_cases[name]
    if outcome.skipped:
        pytest.skip(outcome.skipped)
    assert outcome.passed, "\n".join(outcome.remarks)
