# SPDX-License-Identifier: GPL-2.0-only
"""Ties it together: looks at each network before it answers there, and goes on looking."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import ServeError, cards, script
from .cards import Card
from .clients import Clients
from .dnsmasq import Dnsmasq
from .probe import find_servers
from .rules import Rules, Segment, lease_range
from .web import Server, Site

LOOK_SECONDS = 5.0  # how long a DHCP server may take to answer
LOOK_AGAIN_SECONDS = 60.0
LEASE_SECONDS = 30.0  # how long this machine may take to get its own address


@dataclass
class Options:
    folder: Path  # the netboot payload
    run: Path
    cards: list[str]
    dhcp: str = "auto"  # auto, proxy, full
    network: ipaddress.IPv4Network | None = None
    cluster: str = "tessera"
    append: str = ""
    secret: bytes = b""
    allow: frozenset[str] = frozenset()
    live: Path | None = None
    port: int = 80
    native: bool = False


class Service:
    """start() returns when machines can boot; problem() tells what ended it."""

    def __init__(self, options: Options, tell):
        self.options = options
        self._tell = tell
        self.clients = Clients(tell)
        self.segments: list[Segment] = []
        self.servers: dict[str, list[str]] = {}
        self._added: list[tuple[Card, ipaddress.IPv4Interface]] = []
        self._stop = threading.Event()
        self._problem = ""
        self._web: Server | None = None
        self._dnsmasq = Dnsmasq(options.run, self.clients, self._dnsmasq_ended)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._began = time.time()

    # -- life ----------------------------------------------------------

    def start(self) -> None:
        o = self.options
        release = (o.folder / "release").read_text().strip().removeprefix("TESSERA_VERSION=")
        site = Site(o.folder, f"Tessera {release}", o.cluster, o.append, o.secret, set(o.allow),
                    self.clients, o.live, o.port)
        try:
            self._web = Server(site)
        except OSError as error:
            raise ServeError(f"port {o.port} cannot be opened ({error.strerror}); another web server? "
                             "Use --port") from error
        self._web.start()
        chosen = cards.choose(o.cards)
        self._tell(f"looking for DHCP servers on {', '.join(card.name for card in chosen)}")
        with ThreadPoolExecutor(len(chosen)) as pool:
            found = list(pool.map(self._set_up, chosen))
        self.segments = [segment for segment in found if segment]
        if not self.segments:
            raise ServeError("no network card can be served; see the messages above")
        self._apply()
        self._watcher.start()

    def stop(self) -> None:
        self._stop.set()
        self._dnsmasq.stop()
        if self._web:
            self._web.stop()
        for card, address in self._added:
            cards.remove_address(card, address)
        self._added = []
        shutil.rmtree(self.options.run / "tftp", ignore_errors=True)

    def problem(self) -> str:
        return self._problem

    def _dnsmasq_ended(self, last: str) -> None:
        self._problem = f"dnsmasq ended: {last or 'it said nothing'}"

    def _apply(self) -> None:
        o = self.options
        rules = Rules(str(self._tftp_folder()), o.port, self.segments, o.native,
                      leases=str(o.run / "leases"))
        self._dnsmasq.start(rules.text("Written by tessera-serve; changes are lost."))

    def _tftp_folder(self) -> Path:
        """The loaders, and what GRUB reads: all that can be had by TFTP."""
        folder = self.options.run / "tftp"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "grub").mkdir(parents=True)
        for loader in (self.options.folder / "loaders").iterdir():
            (folder / loader.name).symlink_to(loader.absolute())
        (folder / "grub" / "grub.cfg").write_text(script.grub_stub(self.options.port))
        return folder

    # -- one card ------------------------------------------------------

    def _look(self, card: Card) -> list[str]:
        """Other DHCP servers."""
        own = str(card.address.ip) if card.address else ""
        return sorted(find_servers(card.name, LOOK_SECONDS) - {own})

    def _set_up(self, card: Card) -> Segment | None:
        mode = self.options.dhcp
        servers = self._look(card)
        self.servers[card.name] = servers
        if servers:
            self._tell(f"{card.name}: a DHCP server is there, {', '.join(servers)}")
        if mode == "full" and servers:
            self._tell(f"{card.name}: it gives addresses; two that do would be in each other's way: not served. "
                       "Leave out --dhcp full")
            return None
        if servers or mode == "proxy":
            return self._beside(card)
        return self._alone(card)

    def _beside(self, card: Card) -> Segment | None:
        """Another server gives the addresses; ours must come from it as well."""
        deadline = time.monotonic() + LEASE_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            now = next(c for c in cards.list_cards((card.name,)) if c.name == card.name)
            if now.configured and not any(c.name == card.name and a == now.address for c, a in self._added):
                assert now.address
                self._tell(f"{card.name}: {now.address.ip}, only says what to boot")
                return Segment(card.name, now.address, proxy=True)
            self._stop.wait(0.5)
        self._tell(f"{card.name}: this machine got no address from that server: not served")
        return None

    def _alone(self, card: Card) -> Segment:
        own = not card.configured or self.options.network is not None
        if not own:
            address = card.address
        else:
            network = self.options.network or cards.free_network()
            address = ipaddress.ip_interface(f"{network[1]}/{network.prefixlen}")
            cards.add_address(card, address)
            self._added.append((card, address))
        assert address
        first, last = lease_range(address)
        self._tell(f"{card.name}: no DHCP server; {address.ip} gives addresses from {first} to {last}")
        return Segment(card.name, address, proxy=False, first=first, last=last, own=own)

    # -- while it runs ---------------------------------------------------

    def _watch(self) -> None:
        look = time.monotonic() + LOOK_AGAIN_SECONDS
        while not self._stop.wait(2):
            self._see_who_joined()
            if time.monotonic() >= look:
                try:
                    self._look_again()
                except (ServeError, OSError) as error:
                    self._problem = str(error)
                look = time.monotonic() + LOOK_AGAIN_SECONDS

    def _look_again(self) -> None:
        """A DHCP server that was switched on later: ours gives way to it."""
        names = tuple(segment.card for segment in self.segments)
        by_name = {card.name: card for card in cards.list_cards(names)}
        changed = False
        for segment in [s for s in self.segments if not s.proxy]:
            card = by_name.get(segment.card)
            if not card:
                continue
            try:
                others = sorted(find_servers(card.name, LOOK_SECONDS) - {str(segment.address.ip)})
            except OSError:  # its cable is out, or somebody took the card down: no reason to end
                continue
            if not others or self._stop.is_set():
                continue
            self._tell(f"{card.name}: a DHCP server has come, {', '.join(others)}; giving no more addresses")
            self.servers[card.name] = others
            self.segments.remove(segment)
            self._apply()
            replacement = self._beside(card)
            if replacement:
                self.segments.append(replacement)
            changed = True
        if changed and not self._stop.is_set():
            self._apply()

    def _see_who_joined(self) -> None:
        try:
            done = subprocess.run(["omdiscd", "--status", "--json"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, timeout=5, check=True)
            peers = json.loads(done.stdout)["peers"]
        except (OSError, subprocess.SubprocessError, ValueError, KeyError):
            return
        for peer in peers:
            if peer["state"] in ("up",):
                for address in {peer["from"], *peer["addresses"]}:
                    self.clients.joined(address.split("%")[0], peer["node"])

    # -- what people and programs see -------------------------------------

    def state(self) -> dict:
        return {"pid": os.getpid(), "since": self._began, "cluster": self.options.cluster,
                "key": "given to machines that boot" if self.options.secret else "not given",
                "root": "live" if self.options.live else "node",
                "cards": [{"card": s.card, "address": str(s.address),
                           "dhcp": "proxy" if s.proxy else "full",
                           "servers": self.servers.get(s.card, [])} for s in self.segments],
                "machines": self.clients.list()}
