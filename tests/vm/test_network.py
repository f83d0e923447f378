# SPDX-License-Identifier: GPL-2.0-only
"""The network comes up by itself, with a DHCP server, without one, and with a late one.

            lan0 ---+--------+--------+        lan1 ---+
                  node1    node2    node3              node (a second NIC)
"""

import itertools
import time

from tessera.timing import retry


def number_of(node):
    return int(node.succeed("cat /proc/hpc/admin/mospe"))


def default_number(address):
    a, b = (int(octet) for octet in address.split(".")[2:])
    return a * 256 + b


def assert_everyone_hears_everyone(nodes, addresses):
    for one, other in itertools.permutations(nodes, 2):
        one.wait_until_succeeds(f"ping -c 1 -W 2 {addresses[other.name]}", timeout=15)


def assert_numbers_follow(nodes, addresses):
    for node in nodes:
        expected = default_number(addresses[node.name])
        node.wait_until_succeeds(f"grep -qx {expected} /proc/hpc/admin/mospe", timeout=10)
        assert f"node {expected}, " in node.succeed("/usr/lib/tessera/banner")


def test_three_nodes_without_any_server(make_cluster):
    begin = time.monotonic()
    nodes = make_cluster(3, set_number=False).nodes
    addresses = {node.name: node.address() for node in nodes}
    took = time.monotonic() - begin
    print(f"three nodes up and on the network after {took:.1f} s")
    assert all(address.startswith("169.254.") for address in addresses.values())
    assert len(set(addresses.values())) == 3
    assert_everyone_hears_everyone(nodes, addresses)
    assert_numbers_follow(nodes, addresses)
    for one, other in itertools.permutations(nodes, 2):
        local = next(a for a in other.addresses(version=6) if a.startswith("fe80:"))
        one.wait_until_succeeds(f"ping -6 -c 1 -W 2 {local}%eth0", timeout=15)


def test_three_nodes_with_a_server(make_cluster):
    nodes = make_cluster(3, set_number=False, dhcp=True).nodes
    addresses = {node.name: node.address(begins="10.20.") for node in nodes}
    assert addresses == {"node1": "10.20.0.1", "node2": "10.20.0.2", "node3": "10.20.0.3"}
    assert_everyone_hears_everyone(nodes, addresses)
    assert_numbers_follow(nodes, addresses)


def test_a_late_server_is_found(make_cluster):
    cluster = make_cluster(1, set_number=False)
    node = cluster.nodes[0]
    first = node.address()
    assert first.startswith("169.254.")
    node.wait_until_succeeds(f"grep -qx {default_number(first)} /proc/hpc/admin/mospe", timeout=10)
    cluster.start_dhcp()
    retry(lambda: node.addresses() == ["10.20.0.1"], 100, "the lease instead of the link-local address",
          seen=lambda: str(node.addresses()), interval=0.5)
    node.wait_until_succeeds("grep -qx 1 /proc/hpc/admin/mospe", timeout=10)
    node.wait_for_console_text(r"node 1, eth0 10\.20\.0\.1/16 \(dhcp\)")


def test_a_fixed_number_and_name_stay(make_cluster):
    node = make_cluster(1, set_number=False, dhcp=True,
                        cmdline="tessera.node=4711 tessera.hostname=cook").nodes[0]
    assert node.address(begins="10.20.") == "10.20.0.1"
    assert number_of(node) == 4711
    assert node.succeed("hostname").strip() == "cook"
    node.wait_for_console_text("node 4711, host name cook")


def test_the_host_name_comes_from_the_number(make_cluster):
    node = make_cluster([{"name": "node9", "number": 9}], set_number=False, dhcp=True,
                        cmdline="tessera.hostname=_").nodes[0]
    assert node.address(begins="10.20.") == "10.20.0.9"
    node.wait_until_succeeds("hostname | grep -qx node9", timeout=10)
    assert "10.20.0.9 node9" in node.succeed("cat /etc/hosts")


def test_a_fixed_address(make_cluster):
    node = make_cluster(1, set_number=False, dhcp=True,
                        cmdline="tessera.ip=10.20.3.7/16,10.20.255.254").nodes[0]
    assert node.address(begins="10.20.") == "10.20.3.7"
    node.wait_until_succeeds("ip route | grep -q '^default via 10.20.255.254'", timeout=10)
    node.wait_until_succeeds("ping -c 1 -W 2 10.20.255.254", timeout=10)
    node.wait_until_succeeds(f"grep -qx {3 * 256 + 7} /proc/hpc/admin/mospe", timeout=10)


def test_link_local_only(make_cluster):
    cluster = make_cluster(1, set_number=False, dhcp=True, cmdline="tessera.ip=linklocal")
    address = cluster.nodes[0].address()
    assert address.startswith("169.254.")
    assert "DHCPDISCOVER" not in (cluster.folder / "lan0.dhcp.log").read_text()


def test_no_ipv4_at_all(make_cluster):
    node = make_cluster(1, dhcp=True, cmdline="tessera.ip=none").nodes[0]
    node.wait_until_succeeds("ip -6 addr show dev eth0 scope link | grep -q fe80:", timeout=20)
    assert number_of(node) == 1
    # Longer than a lease or a link-local address takes, seen from the kernel's clock.
    node.wait_until_succeeds("awk '{ exit $1 < 20 }' /proc/uptime", timeout=60)
    assert node.addresses() == []


def test_every_card_is_tried_and_the_one_with_a_server_gives_the_number(make_cluster):
    cluster = make_cluster(1, set_number=False, nics=("lan0", "lan1"))
    cluster.start_dhcp("lan1")
    node = cluster.nodes[0]
    assert node.address(0).startswith("169.254.")
    retry(lambda: node.addresses(1) == ["10.21.0.1"], 100, "a lease on the second card",
          seen=lambda: str(node.addresses(1)), interval=0.5)
    node.wait_until_succeeds("grep -qx 1 /proc/hpc/admin/mospe", timeout=10)


def test_a_cable_that_is_plugged_in_later(make_cluster):
    cluster = make_cluster(1, set_number=False, dhcp=True)
    node = cluster.nodes[0]
    assert node.address(begins="10.20.") == "10.20.0.1"
    node.link_down()
    node.wait_until_succeeds("grep -qx 0 /sys/class/net/eth0/carrier", timeout=10)
    retry(lambda: node.addresses() == [], 20, "the address to go with the cable")
    node.link_up()
    assert node.address(begins="10.20.") == "10.20.0.1"
    assert number_of(node) == 1


def test_a_network_client_that_dies_is_replaced(make_cluster):
    node = make_cluster(1, set_number=False, dhcp=True).nodes[0]
    assert node.address(begins="10.20.") == "10.20.0.1"
    manager = "ps | awk '/dhcpcd: [[]manager[]]/ { print $1 }'"
    old = node.succeed(manager).split()
    assert len(old) == 1
    node.succeed(f"kill -9 {old[0]}")
    retry(lambda: node.execute(manager).stdout.split() not in ([], old), 20, "a new client",
          seen=lambda: node.execute("ps").stdout)
    assert node.address(begins="10.20.") == "10.20.0.1"
