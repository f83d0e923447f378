# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's node table: what is put in comes out, for programs and for people.

Three nodes, 10.20.0.1 to 10.20.0.3, by DHCP; the tests work on the table of node1.
"""

import json
import re

import pytest

from tessera.artifacts import BUILD

MAP = "# the room\n1 10.20.0.1 3\n2 10.99.0.2 ALIAS\n"


@pytest.fixture(scope="module")
def nodes(make_module_cluster):
    nodes = make_module_cluster(3, dhcp=True).nodes
    for number, node in enumerate(nodes, start=1):
        assert node.address(begins="10.20.") == f"10.20.0.{number}"
    return nodes


@pytest.fixture
def node(nodes):
    nodes[0].succeed("setpe -off")
    return nodes[0]


def write_map(node, text, options=""):
    node.copy_to(text.encode(), "/tmp/map")
    return node.execute(f"setpe -w -f /tmp/map {options} 2>&1")


def table(node):
    found = json.loads(node.succeed("showmap --json"))
    return found["self"], {n["id"]: n["addresses"] for n in found["nodes"]}


@pytest.mark.deadline(600)
def test_round_trip_of_many_nodes(node):
    """tests/vm/programs/nodetable.c: ioctls against /proc, refusals, rights, races."""
    node.copy_to(BUILD / "tests" / "nodetable", "/tmp/nodetable", mode=0o755)
    done = node.execute("/tmp/nodetable 300", timeout=400)
    bad = [line for line in done.stdout.splitlines() if line.startswith(("not ok", "Bail out"))]
    assert not bad, done.stdout
    plan = re.search(r"^1\.\.(\d+)$", done.stdout, re.MULTILINE)
    assert plan and len(re.findall(r"^ok ", done.stdout, re.MULTILINE)) == int(plan[1]) > 50
    assert done.status == 0


def test_own_place_in_the_map_is_found_on_each_node(nodes):
    for number, node in enumerate(nodes, start=1):
        node.succeed("setpe -off")
        done = write_map(node, MAP)
        assert done.status == 0, done
        assert table(node) == (number, {1: ["10.20.0.1"], 2: ["10.20.0.2", "10.99.0.2"],
                                        3: ["10.20.0.3"]})
        assert node.succeed("cat /proc/hpc/admin/mospe").strip() == str(number)
        assert node.succeed("ls /proc/hpc/nodes").split() == ["1", "2", "3"]
        assert node.succeed(f"cat /proc/hpc/nodes/{number}/status").strip() == "7"


def test_showmap_looks_as_it_did(node):
    assert write_map(node, "2780 10.20.0.1 2\n").status == 0
    text = node.succeed("showmap")
    assert text.startswith("My Node-Id: 0x0adc\n")
    assert re.search(r"^0x0adc +10\.20\.0\.1 +2 +2780-2781$", text, re.MULTILINE)


def test_printed_map_can_be_read_again(node):
    assert write_map(node, MAP).status == 0
    before = table(node)
    node.succeed("setpe -r > /tmp/saved && setpe -off && setpe -w -f - < /tmp/saved")
    assert table(node) == before


def test_map_is_replaced(node):
    assert write_map(node, MAP).status == 0
    assert write_map(node, "1 10.20.0.9 1\n7 10.20.0.1 2\n").status == 0
    assert table(node) == (7, {1: ["10.20.0.9"], 7: ["10.20.0.1"], 8: ["10.20.0.2"]})


def test_wrong_map_changes_nothing(node):
    assert write_map(node, MAP).status == 0
    before = table(node)
    done = write_map(node, "1 10.20.0.1 3\n3 10.20.0.9 1\n")
    assert done.status == 1
    assert "/tmp/map:2: node number 3 is taken by line 1 already" in done.stdout
    done = write_map(node, "5 10.77.0.1 3\n")
    assert done.status == 1
    assert re.search(r"none of this machine's addresses \(.*10\.20\.0\.1.*\) is in '/tmp/map'", done.stdout)
    assert "-p" in done.stdout
    assert table(node) == before
    assert write_map(node, "5 10.77.0.1 3\n", "-p 6").status == 0
    assert table(node)[0] == 6


def test_check_changes_nothing(node):
    node.copy_to(MAP.encode(), "/tmp/map")
    assert "3 nodes in 2 lines; this machine is node 1" in node.succeed("setpe -c -f /tmp/map")
    assert table(node) == (0, {})


def test_leaving_the_cluster_empties_the_table(node):
    assert write_map(node, MAP).status == 0
    node.succeed("echo 0 > /proc/hpc/admin/mospe")
    assert table(node) == (0, {})
    assert node.succeed("ls /proc/hpc/nodes") == ""
