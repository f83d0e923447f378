# SPDX-License-Identifier: GPL-2.0-only
"""Discovery's packets, written from docs/discovery.md and not from the C code.

Run as a program it speaks for many nodes: packets.py SECRET CLUSTER FIRST COUNT INTERVAL SECONDS
announces nodes FIRST, FIRST + 1, ... quickly, says "announced", and lets each beat once an
INTERVAL for so many SECONDS; it tells when each third of them is over.
"""

import hashlib
import socket
import struct
import sys
import time

GROUP = ("224.0.0.214", 5428)
BEAT, ANNOUNCE = 1, 2


def key_of(secret, cluster):
    """The cluster's key, and the hint that tells it from others."""
    made = hashlib.blake2b(b"tessera discovery 1\0" + cluster.encode() + b"\0" + secret.encode(), digest_size=36)
    return made.digest()[:32], made.digest()[32:]


def small_float(value):
    shift = 0
    while value > 2047:
        value, shift = value >> 1, shift + 1
    return value | shift << 11


def section(kind, value):
    return bytes([kind, len(value)]) + value


def packet(key, kind, number, counter, interval=1.0, version=1):
    key, hint = key
    boot = 0x5445530000000000 | number
    head = b"Ts" + struct.pack("<BB4sQ", version, kind, hint, boot) + counter.to_bytes(6, "little")
    body = struct.pack("<HHHHBBHH", number, 1, int(interval * 64), small_float(100), 7, 1,
                       small_float(1 << 20), small_float(1 << 19))
    if kind == ANNOUNCE:
        body += section(2, struct.pack("<QQIHH40x", number, 1, 10000, 4, small_float(1 << 22)) + b"v1")
        body += section(3, b"\4" + socket.inet_aton(f"10.78.{number // 256}.{number % 256}"))
        body += section(6, f"pc{number}".encode())
    else:
        body += section(1, struct.pack("<IHIH", boot + 1 & 0xffffffff, 9, boot + 2 & 0xffffffff, 9))
    return head + body + hashlib.blake2b(head + body, key=key, digest_size=16).digest()


def speak(secret, cluster, first, count, interval, seconds):
    key, counter = key_of(secret, cluster), 1
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(first, first + count):
        out.sendto(packet(key, ANNOUNCE, number, counter, interval), GROUP)
        time.sleep(0.002)
    print("announced", flush=True)
    begin = time.monotonic()
    turn = thirds = 0
    while thirds < 3:
        if time.monotonic() > begin + (thirds + 1) * seconds / 3:
            print("a third", flush=True)
            thirds += 1
        wait = begin + turn * interval / count - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        counter += turn % count == 0
        out.sendto(packet(key, BEAT, first + turn % count, counter, interval), GROUP)
        turn += 1


if __name__ == "__main__":
    speak(*sys.argv[1:3], *map(int, sys.argv[3:5]), *map(float, sys.argv[5:7]))
