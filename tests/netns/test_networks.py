# SPDX-License-Identifier: GPL-2.0-only
"""omdiscd on machines with two cards, and behind a switch that watches who joins which group.

With SOAK in the environment the switch forgets as slowly as real ones do.
"""

import os
import subprocess
import time

from conftest import SCALE, run, wait_until

SOAK = bool(os.environ.get("SOAK"))

# Joins a group, says so, and prints how long after that it heard something, until it is ended.
LISTEN = """
import socket, sys, time
group, port = sys.argv[1], 5000
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", port))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(sys.argv[2]))
print("joined", flush=True)
while True:
    s.recv(100)
    print("heard", flush=True)
"""

SPEAK = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[2]))
s.sendto(b"x", (sys.argv[1], 5000))
"""

# General queries of IGMPv2 and MLD, as of a router that is switched off after them.
ASK_ONCE = """
import socket, struct
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def igmp(source):
    query = struct.pack("!BBHI", 0x11, 10, 0, 0)
    query = struct.pack("!BBHI", 0x11, 10, checksum(query), 0)
    parts = [0x46, 0xc0, 24 + len(query), 0, 0, 1, 2, 0, socket.inet_aton(source),
             socket.inet_aton("224.0.0.1"), 0x94040000]
    form = "!BBHHHBBH4s4sI"
    header = struct.pack(form, *parts)
    parts[7] = checksum(header)
    return struct.pack(form, *parts) + query
def mld(source):
    source, group = socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, "ff02::1")
    hop = bytes([58, 0, 5, 2, 0, 0, 1, 0])
    query = struct.pack("!BBHHH16s", 130, 0, 0, 1000, 0, bytes(16))
    pseudo = source + group + struct.pack("!II", len(query), 58)
    query = query[:2] + struct.pack("!H", checksum(pseudo + query)) + query[4:]
    return struct.pack("!IHBB", 6 << 28, len(hop) + len(query), 0, 1) + source + group + hop + query
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
mac = s.getsockname()[4]
s.send(bytes.fromhex("01005e000001") + mac + b"\\x08\\x00" + igmp("10.77.1.9"))
s.send(bytes.fromhex("333300000001") + mac + b"\\x86\\xdd" + mld("fe80::1"))
"""


def wait_views(views, seconds, what):
    """views: {host: the numbers it must see}"""
    wait_until(lambda: all(host.up() == wanted for host, wanted in views.items()), seconds, what)


def test_two_cards_on_one_network(lan):
    both, other, third = lan.add(3)
    both.add_card(1, "br0")
    both.address("10.77.2.1/16", "eth1")
    for host in (both, other, third):
        host.start()
    everybody = {257, 258, 259}
    wait_views({host: everybody for host in lan.hosts}, 10, "one node, however many cards")
    assert len(other.status()["peers"]) == 2
    wait_until(lambda: {"10.77.1.1", "10.77.2.1"} <= set(other.addresses(257)), 10, "both its addresses")
    both.plug(False)
    wait_until(lambda: other.addresses(257)[:1] == ["10.77.2.1"], 10, "the way by the other card comes first")
    both.plug(True)
    both.plug(False, card=1)
    wait_until(lambda: other.addresses(257)[:1] == ["10.77.1.1"], 10, "and back")
    both.plug(True, card=1)
    before = other.heard()
    wait_until(lambda: other.heard() > before + 10, 20, "they go on")
    assert all(host.up() == everybody for host in lan.hosts)
    for host in lan.hosts:
        assert "is dead" not in host.log.read_text(), "one cable of two is nobody's death"


def test_two_cards_on_two_networks(lan):
    lan.add_switch("br1")
    left, right, middle = lan.add(3)
    run("ip", "-n", lan.space, "link", "set", f"{right.wire}c0", "master", "br1")
    middle.add_card(1, "br1")
    middle.address("10.99.0.3/16", "eth1")
    for host in lan.hosts:
        host.start()
    views = {middle: {257, 258, 259}, left: {257, 259}, right: {258, 259}}
    wait_views(views, 10, "who is in the middle sees both sides")
    before = left.heard(), right.heard()
    wait_until(lambda: left.heard() > before[0] + 5 and right.heard() > before[1] + 5, 20, "they go on")
    assert all(host.up() == wanted for host, wanted in views.items()), "nothing is relayed"
    assert right.addresses(259)[0] == "10.99.0.3", "of several addresses the one that is heard comes first"
    assert left.addresses(259)[0] == "10.77.1.3"


def test_cards_that_are_named(lan):
    """-i: what is on the other cards is nobody's business."""
    lan.add_switch("br1")
    left, right, middle = lan.add(3)
    run("ip", "-n", lan.space, "link", "set", f"{right.wire}c0", "master", "br1")
    middle.add_card(1, "br1")
    middle.address("10.99.0.3/16", "eth1")
    left.start()
    right.start()
    middle.start("-i", "eth1")
    wait_views({middle: {3, 258}, right: {3, 258}, left: {257}}, 10, "by eth1 only")
    assert middle.status()["cards"] == ["eth1"]


class Group:
    """A group that a machine has joined, and whether the switch still passes it on."""

    def __init__(self, listener, speaker, group="239.1.2.3"):
        self.group, self.speaker, self.lines = group, speaker, 0
        self.log = listener.lan.folder / "group.log"
        with open(self.log, "w", encoding="ascii") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", listener.space, "/usr/bin/python3", "-c", LISTEN, group,
                 f"10.77.1.{listener.index}"], stdin=subprocess.DEVNULL, stdout=log)
        wait_until(lambda: "joined" in self.log.read_text(), 10, "a member of the group")

    def is_passed_on(self):
        before = self.log.read_text().count("heard")
        assert self.speaker.python(SPEAK, self.group, f"10.77.1.{self.speaker.index}").wait(10) == 0
        end = time.monotonic() + 0.5 * SCALE
        while time.monotonic() < end:
            if self.log.read_text().count("heard") > before:
                return True
            time.sleep(0.02)
        return False

    def close(self):
        self.process.kill()
        self.process.wait()


def test_a_switch_that_forgets_its_members(lan):
    """Snooping, and no router that asks again: other groups fall silent, discovery's does not."""
    forgets = 26000 if SOAK else 400  # 1/100 s
    run("ip", "-n", lan.space, "link", "set", "br0", "type", "bridge", "mcast_snooping", "1",
        "mcast_querier", "0", "mcast_querier_interval", "600000", "mcast_membership_interval", str(forgets))
    hosts = lan.add(3)
    if SOAK:
        # IPv6 alone: its group is filtered, and kept alive by joining it again each minute.
        hosts += lan.add(2, address=False)
    for host in hosts:
        host.start()
    router, = lan.add(1, address=False)
    group = Group(hosts[0], hosts[1])
    try:
        assert router.python(ASK_ONCE).wait(10) == 0
        wait_until(lambda: all(len(host.status().get("peers", [])) == len(hosts) - 1 for host in hosts), 10,
                   "everybody knows everybody")
        assert group.is_passed_on(), "the switch knows the members"
        _, took = wait_until(lambda: not group.is_passed_on(), forgets / 100 + 30, "the switch has forgotten")
        print(f"other groups are silent after {took:.0f} s")
        heard = [host.heard() for host in hosts]
        wait_until(lambda: all(host.heard() > before + (200 if SOAK else 8)
                               for host, before in zip(hosts, heard)), 120, "discovery goes on")
        assert not group.is_passed_on()
    finally:
        group.close()
    for host in hosts:
        assert "is dead" not in host.log.read_text(), host.log.read_text()
        assert len(host.status()["peers"]) == len(hosts) - 1
