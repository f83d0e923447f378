# SPDX-License-Identifier: GPL-2.0-only
"""Network cards and their IPv4 addresses, as iproute2 tells them."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import time
from dataclasses import dataclass

from . import ServeError

LINK_LOCAL = ipaddress.ip_network("169.254.0.0/16")
# Tried in this order for a network of our own; /16, so that the last two octets
# of an address, of which node numbers are made, are free.
OWN_NETWORKS = [ipaddress.ip_network(f"10.{n}.0.0/16") for n in (83, 84, 85, 183, 184)]


@dataclass(frozen=True)
class Card:
    name: str
    mac: str
    carrier: bool
    address: ipaddress.IPv4Interface | None  # the best one: not link-local if there is such

    @property
    def configured(self) -> bool:
        return self.address is not None and self.address.ip not in LINK_LOCAL


def ip_json(*words: str) -> list[dict]:
    done = subprocess.run(["ip", "-json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise ServeError(f"ip {' '.join(words)}: {done.stderr.decode().strip()}")
    return [entry for entry in json.loads(done.stdout or "[]") if entry]


def best_address(entry: dict) -> ipaddress.IPv4Interface | None:
    found = [ipaddress.ip_interface(f"{a['local']}/{a['prefixlen']}")
             for a in entry.get("addr_info", []) if a.get("family") == "inet"]
    found.sort(key=lambda address: address.ip in LINK_LOCAL)
    return found[0] if found else None


def is_wired(entry: dict) -> bool:
    """A card, or one end of a virtual cable; no bridge, no tunnel."""
    return os.path.exists(f"/sys/class/net/{entry['ifname']}/device") or "link_index" in entry


def list_cards(named: tuple[str, ...] = ()) -> list[Card]:
    """The wired cards, and whatever carries Ethernet and is named."""
    cards = []
    for entry in ip_json("address", "show"):
        name = entry["ifname"]
        if entry.get("link_type") != "ether" or not (name in named or is_wired(entry)):
            continue
        cards.append(Card(name, entry["address"], "LOWER_UP" in entry["flags"], best_address(entry)))
    return cards


def choose(wanted: list[str], seconds: float = 10) -> list[Card]:
    """The named cards, or all whose cable is in; waits for one such. Raises ServeError."""
    deadline = time.monotonic() + seconds
    while True:
        cards = {card.name: card for card in list_cards(tuple(wanted))}
        for name in wanted:
            if name not in cards:
                raise ServeError(f"there is no wired network card '{name}'; there are: {', '.join(cards) or 'none'}")
        chosen = [card for card in cards.values() if card.carrier and card.name in (wanted or cards)]
        if chosen:
            return chosen
        if time.monotonic() > deadline:
            raise ServeError("no network card has a cable with somebody at its other end; plug one in")
        time.sleep(0.2)


def free_network() -> ipaddress.IPv4Network:
    """A network that no card of ours is in."""
    used = [card.address.network for card in list_cards() if card.address]
    for network in OWN_NETWORKS:
        if not any(network.overlaps(other) for other in used):
            return network
    raise ServeError("all networks it could use are taken; give one with --network A.B.C.D/16")


def add_address(card: Card, address: ipaddress.IPv4Interface) -> None:
    broadcast = str(address.network.broadcast_address)
    subprocess.run(["ip", "address", "replace", str(address), "broadcast", broadcast, "dev", card.name], check=True)
    # The node number follows the address, as with a lease.
    number = "/usr/lib/tessera/number"
    if os.path.exists(number) and os.path.exists("/run/tessera/params"):
        subprocess.run([number, "address", card.name, str(address), "static"], check=False)


def remove_address(card: Card, address: ipaddress.IPv4Interface) -> None:
    subprocess.run(["ip", "address", "del", str(address), "dev", card.name], check=False,
                   stderr=subprocess.DEVNULL)
