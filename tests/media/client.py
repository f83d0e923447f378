#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""client.py ARCH [ipxe] [http] [SECONDS]

Broadcasts the DHCPDISCOVER of a PC whose firmware is of type ARCH (option 93), or of
iPXE on it, and prints what it is offered, as JSON: a list of
{server, lease, next_server, file, class, vendor}.
"""

import json
import random
import select
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "userland/serve"))
from tessera_serve import probe  # noqa: E402


def request_options(arch, ipxe, http):
    name = f"{'HTTP' if http else 'PXE'}Client:Arch:{arch:05d}:UNDI:003016".encode()
    options = bytes([60, len(name)]) + name + struct.pack(">BBH", 93, 2, arch) + b"\x5e\x03\x01\x03\x10"
    options += b"\x61\x11\x00" + random.randbytes(16)
    if ipxe:
        options += b"\x4d\x04iPXE"
    return options + b"\x37\x06\x01\x03\x3c\x42\x43\x2b"


def offer(data, xid):
    if len(data) < 14 + 20 + 8 + 240 or data[12:14] != b"\x08\x00" or data[23] != 17:
        return None
    bootp = data[14 + (data[14] & 15) * 4 + 8:]
    if bootp[0] != 2 or struct.unpack(">I", bootp[4:8])[0] != xid:
        return None
    options = probe.read_options(bootp[240:])
    if options.get(53) != b"\2":
        return None
    text = lambda raw: raw.split(b"\0")[0].decode()  # noqa: E731
    return {"server": socket.inet_ntoa(options[54]), "lease": socket.inet_ntoa(bootp[16:20]),
            "next_server": socket.inet_ntoa(bootp[20:24]),
            "file": text(options[67]) if 67 in options else text(bootp[108:236]),
            "class": options.get(60, b"").decode(), "vendor": options.get(43, b"").hex()}


def main(arch, *words):
    seconds = next((float(w) for w in words if w[0].isdigit()), 4.0)
    xid, mac = random.getrandbits(32), b"\x52\x54\x00" + random.randbytes(3)
    found = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(probe.ETH_IP)) as sock:
        sock.bind(("eth0", probe.ETH_IP))
        options = request_options(int(arch), "ipxe" in words, "http" in words)
        sock.send(probe.frame(mac, probe.discover(xid, mac, options)))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([sock], [], [], left)[0]:
                heard = offer(sock.recv(4096), xid)
                if heard and heard not in found:
                    found.append(heard)
                    end = min(end, time.monotonic() + 1)
    json.dump(found, sys.stdout)


main(*sys.argv[1:])
