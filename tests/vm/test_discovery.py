# SPDX-License-Identifier: GPL-2.0-only
"""Nodes that nobody told anything find each other, and notice who is gone."""

import json
import time

import os

import pytest

from tessera.timing import retry

pytestmark = pytest.mark.skipif(os.environ.get("TESSERA_DISCOVERY") != "1",
                                reason="not steady yet; TESSERA_DISCOVERY=1 runs them")

CLUSTER = "tessera.cluster=vm"


def table(node):
    """Number and status of every row of the node's table."""
    shown = node.succeed("for d in /proc/hpc/nodes/[0-9]*; do "
                         "s=$(cat $d/status 2>/dev/null) && echo ${d##*/} $s; done; true")
    return {int(number): int(status) for number, status in map(str.split, shown.splitlines())}


def up(node):
    return {number for number, status in table(node).items() if status & 2}


def status(node):
    return json.loads(node.succeed("omdiscd --status --json"))


def wait_up(nodes, wanted, seconds, what):
    """Waits until each of the nodes sees exactly those numbers; returns how long that took."""
    begin = time.monotonic()
    retry(lambda: all(up(node) == set(wanted) for node in nodes), seconds, what)
    return time.monotonic() - begin


@pytest.fixture
def three(make_cluster):
    cluster = make_cluster(3, dhcp=True, cmdline=CLUSTER)
    wait_up(cluster.nodes, {1, 2, 3}, 60, "all three in every table")
    return cluster


def test_nodes_join_and_know_each_other(three):
    node = three.nodes[0]
    for name in ("cpus", "speed", "tmem", "mem"):
        assert int(node.succeed(f"cat /proc/hpc/nodes/2/{name}")) > 0, name
    for address in ("10.20.0.1", "10.20.0.2", "10.20.0.3"):
        node.wait_until_succeeds(f"showmap --json | grep -qF '\"{address}\"'", timeout=30)
    about = status(node)
    assert about["cluster"] == "vm" and about["settled"] and len(about["peers"]) == 2
    assert {peer["kernel"] for peer in about["peers"]} == {about["peers"][0]["kernel"]}
    busy = three.nodes[1]
    busy.succeed("(while :; do :; done) >/dev/null 2>&1 & echo $! > /run/busy")
    node.wait_until_succeeds("[ $(cat /proc/hpc/nodes/2/load) -gt 20 ]", timeout=60)
    busy.succeed("kill $(cat /run/busy)")
    memory = node.succeed("grep VmRSS /proc/$(pidof omdiscd)/status").split()
    print("resident:", memory[1], "KiB")
    assert int(memory[1]) <= 4096


def test_power_cut_and_return(three):
    one, two, three_ = three.nodes
    boot = {peer["node"]: peer["boot"] for peer in status(one)["peers"]}[3]
    three_.kill()
    took = wait_up([one, two], {1, 2}, 15, "the dead one missed")
    print(f"power cut noticed after {took:.1f} s")
    three_.start()
    wait_up([one, two], {1, 2, 3}, 90, "it is back")
    now = {peer["boot"] for peer in status(one)["peers"] if peer["node"] == 3 and peer["state"] == "up"}
    assert now and boot not in now, "a new boot, and told from the old one"


def test_clean_reboot_says_goodbye(three):
    one, _, three_ = three.nodes
    three_.reboot()
    log = "dmesg | grep 'omdiscd: node 3 .*says goodbye'"
    one.wait_until_succeeds(log, timeout=10)
    one.fail("dmesg | grep 'omdiscd: node 3 .*is dead'")
    wait_up(three.nodes, {1, 2, 3}, 90, "all back")


def test_cable_pulled_and_back(three):
    one, two, three_ = three.nodes
    three.partition([one, two], [three_])
    wait_up([one, two], {1, 2}, 15, "the one without a cable missed")
    wait_up([three_], {3}, 15, "it misses the others")
    three.heal()
    took = wait_up(three.nodes, {1, 2, 3}, 15, "whole again")
    print(f"whole again after {took:.1f} s")


def test_two_clusters_on_one_wire(make_cluster):
    cluster = make_cluster([{"cmdline": "tessera.cluster=red"}, {"cmdline": "tessera.cluster=red"},
                            {"cmdline": "tessera.cluster=blue"},
                            {"cmdline": "tessera.cluster=red tessera.key=another"}], dhcp=True)
    one, two, blue, other = cluster.nodes
    wait_up([one, two], {1, 2}, 60, "the two of a kind")
    retry(lambda: status(one)["ignored"]["other_cluster"] > 10, 60, "strangers are heard")
    assert up(one) == up(two) == {1, 2} and up(blue) == {3} and up(other) == {4}
