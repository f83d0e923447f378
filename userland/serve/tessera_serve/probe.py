# SPDX-License-Identifier: GPL-2.0-only
"""Looks for DHCP servers: broadcasts a DHCPDISCOVER and listens for offers.

Frames are made here, so that no address is needed and the machine's own DHCP
client is not disturbed: the question comes from a hardware address of its own.
"""

from __future__ import annotations

import random
import select
import socket
import struct
import time

ETH_IP = 0x0800
MAGIC = b"\x63\x82\x53\x63"
BROADCAST = b"\xff" * 6
OFFER = 2
OWN_PREFIX = b"\x52\x54\x53"  # of the hardware addresses that we ask with


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def discover(xid: int, mac: bytes, options: bytes = b"") -> bytes:
    """The DHCP message, with the broadcast flag: an answer to it reaches everybody."""
    head = struct.pack(">4BIHH4I16s64s128s", 1, 1, 6, 0, xid, 0, 0x8000, 0, 0, 0, 0,
                       mac.ljust(16, b"\0"), b"", b"")
    body = b"\x35\x01\x01" + b"\x37\x04\x01\x03\x36\x33" + options + b"\xff"
    return (head + MAGIC + body).ljust(300, b"\0")


def frame(mac: bytes, payload: bytes) -> bytes:
    udp = struct.pack(">4H", 68, 67, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\0" * 4, b"\xff" * 4)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return BROADCAST + mac + struct.pack(">H", ETH_IP) + head + udp


def read_options(data: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            break
        options[data[at]] = data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return options


def parse_offer(data: bytes, xid: int) -> str | None:
    """The server's address, if the frame is an offer of a lease for xid."""
    if len(data) < 14 + 20 + 8 + 240 or data[12:14] != b"\x08\x00" or data[23] != 17:
        return None
    start = 14 + (data[14] & 15) * 4 + 8
    bootp = data[start:]
    if len(bootp) < 240 or bootp[0] != 2 or struct.unpack(">I", bootp[4:8])[0] != xid or bootp[236:240] != MAGIC:
        return None
    options = read_options(bootp[240:])
    # Without an address to lease it is a proxy, which gives none.
    if options.get(53) != bytes([OFFER]) or bootp[16:20] == b"\0" * 4:
        return None
    server = options.get(54, b"")
    return socket.inet_ntoa(server) if len(server) == 4 else "an unnamed server"


def find_servers(card: str, seconds: float, tries: int = 3) -> set[str]:
    """Addresses of the DHCP servers that answer on a card, ours among them."""
    xid = random.getrandbits(32)
    mac = OWN_PREFIX + random.randbytes(3)
    found: set[str] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_IP)) as sock:
        sock.bind((card, ETH_IP))
        end = time.monotonic() + seconds
        next_try = 0.0
        while (now := time.monotonic()) < end:
            if now >= next_try:
                sock.send(frame(mac, discover(xid, mac)))
                next_try = now + seconds / tries
            if select.select([sock], [], [], max(0.0, min(next_try, end) - now))[0]:
                server = parse_offer(sock.recv(2048), xid)
                if server:
                    found.add(server)
                    # The first answer decides; a moment more for others.
                    end = min(end, time.monotonic() + 0.5)
    return found
