# SPDX-License-Identifier: GPL-2.0-only
"""Nodes that nobody told anything find each other, and notice who is gone."""

import json
import time

import pytest

from tessera.timing import retry


def table(node):
    """Number and status of every row of the node's table."""
    shown = node.succeed("for d in /proc/hpc/nodes/[0-9]*; do "
                         "s=$(cat $d/status 2>/dev/null) && echo ${d##*/} $s; done; true")
    return {int(number): int(status) for number, status in map(str.split, shown.splitlines())}


def up(node):
    return {number for number, status in table(node).items() if status & 2}


def status(node):
    return json.loads(node.succeed("omdiscd --status --json"))


def peers_up(node):
    return {peer["node"]: peer for peer in status(node)["peers"] if peer["state"] == "up"}


def wait_up(nodes, wanted, seconds, what):
    """Waits until each of the nodes sees exactly those numbers; returns how long that took."""
    begin = time.monotonic()
    retry(lambda: all(up(node) == set(wanted) for node in nodes), seconds, what)
    return time.monotonic() - begin


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    return make_module_cluster(3, dhcp=True, discovery=True)


@pytest.fixture
def three(cluster):
    wait_up(cluster.nodes, {1, 2, 3}, 90, "all three in every table")
    # They may know each other by IPv6 while DHCP has not answered again.
    for number, node in enumerate(cluster.nodes, 1):
        node.wait_until_succeeds(f"ip -4 addr show | grep -qF ' 10.20.0.{number}/'", timeout=60)
    return cluster


def test_nodes_join_and_know_each_other(three):
    node = three.nodes[0]
    for name in ("cpus", "speed", "tmem", "mem"):
        node.wait_until_succeeds(f"[ $(cat /proc/hpc/nodes/2/{name}) -gt 0 ]", timeout=30)
    for address in ("10.20.0.1", "10.20.0.2", "10.20.0.3"):
        node.wait_until_succeeds(f"showmap --json | grep -qF '\"{address}\"'", timeout=30)
    retry(lambda: status(node)["settled"], 30, "the number is settled")
    about = status(node)
    assert about["cluster"] == "tessera" and about["host"] == "node1"
    assert [about["peers"][0]["kernel"]] * 2 == [peer["kernel"] for peer in about["peers"]]
    who = node.succeed("mosctl whois node3").split()
    assert who[:2] == ["node", "3"] and "10.20.0.3" in who and who[-1] == "(node3)"
    assert json.loads(node.succeed("mosctl whois 2 --json"))["host"] == "node2"
    busy = three.nodes[1]
    busy.succeed("(while :; do :; done) >/dev/null 2>&1 & echo $! > /run/busy")
    node.wait_until_succeeds("[ $(cat /proc/hpc/nodes/2/load) -gt 20 ]", timeout=60)
    busy.succeed("kill $(cat /run/busy)")
    memory = node.succeed("grep VmRSS /proc/$(pidof omdiscd)/status").split()
    print("resident:", memory[1], "KiB")
    assert int(memory[1]) <= 4096


def test_power_cut_and_return(three):
    one, two, three_ = three.nodes
    boot = peers_up(one)[3]["boot"]
    three_.kill()
    took = wait_up([one, two], {1, 2}, 20, "the dead one missed")
    print(f"power cut noticed after {took:.1f} s")
    three_.start()
    wait_up([one, two], {1, 2, 3}, 120, "it is back")
    assert peers_up(one)[3]["boot"] != boot, "a new boot, and told from the old one"
    three_.wait_ready()


def test_clean_reboot_says_goodbye(three):
    one, _, three_ = three.nodes
    wait_up([three_], {1, 2, 3}, 60, "it knows the others")
    one.succeed("dmesg -c > /dev/null")
    three_.reboot()
    one.succeed("dmesg | grep 'omdiscd: node 3 .*says goodbye'")
    one.fail("dmesg | grep 'omdiscd: node 3 .*is dead'")
    wait_up(three.nodes, {1, 2, 3}, 90, "all back")


@pytest.mark.parametrize("how", ["cable", "switch"])
def test_cut_off_and_back(three, how):
    """The machine notices that its own cable is out; of a switch's it cannot know."""
    one, two, three_ = three.nodes
    if how == "cable":
        three_.link_down()
    else:
        three.partition([one, two], [three_])
    wait_up([one, two], {1, 2}, 20, "the one that is cut off missed")
    wait_up([three_], {3}, 20, "it misses the others")
    if how == "cable":
        three_.link_up()
    else:
        three.heal()
    took = wait_up(three.nodes, {1, 2, 3}, 60, "whole again")
    print(f"whole again after {took:.1f} s")


def test_a_map_takes_the_table_over(three):
    one, two, three_ = three.nodes
    three_.copy_to(b"3 10.20.0.3 1\n1 10.20.0.1 1\n9 10.20.0.9 1\n", "/tmp/map")
    said = three_.succeed("setpe -w -f /tmp/map 2>&1")
    assert "omdiscd runs here; it is quiet" in said
    assert table(three_).keys() == {1, 3, 9}
    wait_up([one, two], {1, 2}, 20, "it says goodbye")
    retry(lambda: status(three_)["quiet"], 20, "omdiscd says why it is quiet")
    # The others go on speaking meanwhile, and none of it gets into the map.
    heard = status(three_)["received"]
    retry(lambda: status(three_)["received"] > heard + 5, 60, "it listens")
    assert table(three_).keys() == {1, 3, 9}
    three_.succeed("setpe -off")
    retry(lambda: not table(three_), 20, "the table is empty")
    retry(lambda: "taken out" in (status(three_)["quiet"] or ""), 20, "and it stays out")
    three_.succeed("echo 3 > /proc/hpc/admin/mospe")
    wait_up(three.nodes, {1, 2, 3}, 30, "in again")


@pytest.mark.deadline(400)
def test_two_clusters_on_one_wire(make_cluster):
    red = "tessera.cluster=red"
    cluster = make_cluster([{"cmdline": red}, {"cmdline": red}, {"cmdline": "tessera.cluster=blue"},
                            {"cmdline": f"{red} tessera.key=another"}], dhcp=True, discovery=True)
    one, two, blue, other = cluster.nodes
    wait_up([one, two], {1, 2}, 60, "the two of a kind")
    retry(lambda: status(one)["ignored"]["other_cluster"] > 10, 60, "strangers are heard")
    assert up(one) == up(two) == {1, 2} and up(blue) == {3} and up(other) == {4}
