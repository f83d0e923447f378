# SPDX-License-Identifier: GPL-2.0-only
"""omdiscd among its like: thirty of them on one wire, and what may happen to it."""

import os
import signal
import socket
import subprocess
import sys
import time

from conftest import OMDISCD, run, wait_until

MULTICAST = ("224.0.0.214", 5428)


def numbers(hosts):
    return {256 + host.index for host in hosts}


def wait_tables(hosts, wanted, seconds, what):
    return wait_until(lambda: all(host.up() == wanted for host in hosts), seconds,
                      f"{what}: " + "; ".join(f"{h.index}: {sorted(h.up())}" for h in hosts[:3]))[1]


def test_thirty_find_each_other(lan):
    hosts = lan.add(30)
    for host in hosts:
        host.start()
    wait_tables(hosts, numbers(hosts), 20, "all tables full")

    begin = time.monotonic()
    hosts[29].stop()  # says goodbye
    wait_tables(hosts[:29], numbers(hosts[:29]), 5, "goodbye heard")
    print(f"goodbye: {time.monotonic() - begin:.2f} s, with the end of the program")

    hosts[29].start()
    begin = time.monotonic()
    wait_tables(hosts, numbers(hosts), 10, "the one that returned")
    print(f"join: {time.monotonic() - begin:.2f} s from the start of the program")

    hosts[28].stop(signal.SIGKILL)
    took = wait_tables(hosts[:28], numbers(hosts) - {256 + 29}, 10, "death noticed")
    print(f"death: {took:.2f} s")
    assert took > 1.5, "declared dead before it can be known"

    memory = [line for line in open(f"/proc/{hosts[0].daemon.pid}/status", encoding="ascii")
              if line.startswith("VmRSS")][0]
    print("resident:", memory.split()[1], "KiB")
    assert int(memory.split()[1]) <= 4096


def test_daemon_is_nobody_in_particular(lan):
    host, = lan.add(1)
    host.start()
    wait_until(host.up, 5, "own row")
    status = dict(line.split(":\t", 1) for line in
                  open(f"/proc/{host.daemon.pid}/status", encoding="ascii") if ":\t" in line)
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Gid"].split()
    for name in ("CapEff", "CapPrm"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"


def test_without_any_address_all_are_known(lan):
    hosts = lan.add(3, address=False)
    for host in hosts:
        host.start()
    wait_until(lambda: all(len(host.status().get("peers", [])) == 2 for host in hosts), 10,
               "IPv6 alone is enough to be heard")
    hosts[0].address()  # a lease that comes late
    wait_until(lambda: all(257 in host.up() for host in hosts), 5, "its number")


def test_other_keys_and_names_are_strangers(lan):
    hosts = lan.add(4)
    hosts[0].start()
    hosts[1].start()
    hosts[2].start(secret="another")
    hosts[3].start("--cluster", "lab")
    wait_until(lambda: hosts[0].up() == hosts[1].up() == {257, 258}, 5, "the two of one cluster")
    wait_until(lambda: hosts[0].status()["ignored"]["other_cluster"] > 3, 10, "strangers are counted")
    assert hosts[2].up() == {259} and hosts[3].up() == {260}
    assert hosts[0].up() == {257, 258}


def test_two_of_one_number_part(lan):
    first, second, third = lan.add(3, address=False)
    first.address("10.77.3.7/16")
    second.address("10.78.3.7/16")
    third.address("10.77.1.3/16")
    third.start()
    first.start()
    wait_until(lambda: first.status().get("settled"), 5, "the first one's number")
    second.start()
    wait_until(lambda: len(third.up()) == 3, 5, "two numbers for two")
    wait_until(lambda: second.status().get("settled"), 5, "the second one's number")
    assert first.status()["node"] == 775, "who has a number keeps it"
    number = second.status()["node"]
    assert number != 775
    wait_until(lambda: first.up() == second.up() == third.up() == {775, 259, number}, 5, "one view")
    assert "better claim" in second.log.read_text()
    second.stop()
    second.start()
    wait_until(lambda: second.status().get("settled") and second.status()["node"] == number, 5,
               "the same number again")


def test_cable_pulled_and_back(lan):
    hosts = lan.add(3)
    for host in hosts:
        host.start()
    wait_tables(hosts, numbers(hosts), 5, "all tables full")
    hosts[2].plug(False)
    wait_tables(hosts[:2], {257, 258}, 6, "it is missed")
    hosts[2].plug(True)
    took = wait_tables(hosts, numbers(hosts), 5, "it is back")
    print(f"back after {took:.2f} s")


def test_address_changes(lan):
    hosts = lan.add(2)
    for host in hosts:
        host.start()
    wait_tables(hosts, numbers(hosts), 5, "all tables full")
    run("ip", "-n", hosts[1].space, "addr", "del", "10.77.1.2/16", "dev", "eth0")
    run("ip", "-n", hosts[1].space, "addr", "add", "10.77.9.9/16", "dev", "eth0")
    wait_until(lambda: "10.77.9.9" in hosts[0].table.read_text()
               and "10.77.1.2" not in hosts[0].table.read_text(), 5, "the new address")
    assert hosts[0].up() == numbers(hosts), "a number stays while the node runs"


def test_killed_and_started_again_nobody_is_lost(lan):
    hosts = lan.add(2)
    for host in hosts:
        host.start()
    wait_tables(hosts, numbers(hosts), 5, "all tables full")
    boot = hosts[1].status()["boot"]
    hosts[1].stop(signal.SIGKILL)
    hosts[1].start()
    wait_until(lambda: len(hosts[1].status().get("peers", [])) == 1, 5, "it runs again")
    wait_tables(hosts, numbers(hosts), 5, "both again")
    assert hosts[1].status()["boot"] == boot, "the same boot of the same machine"
    assert "is dead" not in hosts[0].log.read_text()


def replay(space, packets):
    """Sends packets from a namespace, as they are."""
    script = ("import socket, sys\n"
              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              f"[s.sendto(bytes.fromhex(line.strip()), {MULTICAST!r}) for line in sys.stdin]\n")
    subprocess.run(["ip", "netns", "exec", space, sys.executable, "-c", script], check=True, text=True,
                   input="".join(packet.hex() + "\n" for packet in packets))


def capture(space, seconds):
    """What is said meanwhile, as UDP payloads."""
    script = ("import socket, struct, time\n"
              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
              f"s.bind(('', {MULTICAST[1]}))\n"
              "s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,\n"
              f"    socket.inet_aton({MULTICAST[0]!r}) + socket.inet_aton('0.0.0.0'))\n"
              "s.settimeout(0.1)\n"
              f"end = time.monotonic() + {seconds}\n"
              "while time.monotonic() < end:\n"
              "    try: print(s.recv(2000).hex())\n"
              "    except TimeoutError: pass\n")
    done = subprocess.run(["ip", "netns", "exec", space, sys.executable, "-c", script], check=True,
                          text=True, capture_output=True)
    return [bytes.fromhex(line) for line in done.stdout.split()]


def test_replayed_and_forged_packets(lan):
    hosts = lan.add(3)
    hosts[0].start()
    hosts[1].start()
    run("ip", "-n", hosts[2].space, "route", "add", "224.0.0.0/4", "dev", "eth0")
    packets = capture(hosts[2].space, 4)
    assert len(packets) >= 4
    hosts[1].stop()
    wait_until(lambda: hosts[0].up() == {257}, 5, "the goodbye")
    replay(hosts[2].space, packets)
    wait_until(lambda: hosts[0].status()["ignored"]["replayed"] >= len(packets) // 3, 5, "replays counted")
    assert hosts[0].up() == {257}, "nobody comes back to life"
    forged = [packet[:-1] + bytes([packet[-1] ^ 1]) for packet in packets] * 50
    noise = [os.urandom(200) for _ in range(200)]
    before = len(hosts[0].status()["peers"])
    replay(hosts[2].space, forged + noise)
    wait_until(lambda: hosts[0].status()["ignored"]["wrong_key"] >= len(forged) // 2, 5, "forgeries counted")
    status = hosts[0].status()
    assert status["ignored"]["malformed"] > 0
    assert len(status["peers"]) == before


def test_status_for_people(lan):
    hosts = lan.add(2)
    for host in hosts:
        host.start()
    wait_tables(hosts, numbers(hosts), 5, "all tables full")
    text = run(OMDISCD, "--status", "--socket", hosts[0].socket)
    assert "cluster 'tessera'" in text and "this node: number 257" in text
    assert [line for line in text.splitlines() if line.split()[:3] == ["258", "up", "10.77.1.2"]]
    # A client that never reads keeps nobody waiting.
    idle = [socket.socket(socket.AF_UNIX) for _ in range(10)]
    for client in idle:
        client.connect(str(hosts[0].socket))
    assert hosts[0].status()["node"] == 257


def test_wrong_usage():
    for words, message in ((["-m", "0"], "-m wants"), (["--json"], "--json goes with"),
                           (["-i", ","], "-i wants"), (["what"], "is no option"),
                           (["-i", ",".join(f"e{i}" for i in range(17))], "at most 16")):
        done = subprocess.run([OMDISCD, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and message in done.stderr and "--help" in done.stderr
    done = subprocess.run([OMDISCD, "-n", "--table", "/nowhere", "--key-file", "/nowhere"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no cluster key in '/nowhere'" in done.stderr
