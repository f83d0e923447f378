# SPDX-License-Identifier: GPL-2.0-only
"""What is known of each machine that booted from us, and its tokens for the key."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import asdict, dataclass, field

TOKEN_SECONDS = 180
MAX_CLIENTS = 4096


@dataclass
class Client:
    mac: str
    ip: str = ""
    kind: str = ""  # what its firmware called itself
    state: str = "asked"
    sent: int = 0  # bytes of the file it is at
    total: int = 0
    key: bool = False
    node: int = 0  # its number, once it has joined
    since: float = field(default_factory=time.time)
    changed: float = field(default_factory=time.time)


class Clients:
    """Thread safe. Whatever happens is said once, by the function `tell`."""

    def __init__(self, tell):
        self._tell = tell
        self._lock = threading.RLock()
        self._clients: dict[str, Client] = {}
        self._tokens: dict[str, tuple[str, str, float]] = {}  # token: MAC, IP, until when

    def _get(self, mac: str) -> Client | None:
        if mac not in self._clients and len(self._clients) >= MAX_CLIENTS:
            return None
        return self._clients.setdefault(mac, Client(mac))

    def event(self, mac: str, state: str = "", **values) -> None:
        """Something is new of the machine with this card."""
        with self._lock:
            client = self._get(mac.lower())
            if not client:
                return
            news = state and state != client.state
            for key, value in values.items():
                setattr(client, key, value)
            if state:
                client.state = state
            client.changed = time.time()
            if client.ip:
                for other in self._clients.values():
                    if other is not client and other.ip == client.ip:
                        other.ip = ""
        if news:
            self._tell(f"{client.mac} {client.ip or '-'}: {state}")

    def known(self, mac: str) -> bool:
        with self._lock:
            return mac in self._clients

    def mac_of(self, ip: str) -> str:
        with self._lock:
            return next((c.mac for c in self._clients.values() if c.ip == ip), "")

    def progress(self, ip: str, name: str, sent: int, total: int) -> None:
        mac = self.mac_of(ip)
        if mac:
            self.event(mac, f"loading {name}", sent=sent, total=total)

    def joined(self, ip: str, node: int) -> None:
        mac = self.mac_of(ip)
        with self._lock:
            known = mac and self._clients[mac].state == "joined"
        if mac and not known:
            self.event(mac, "joined", node=node)

    def new_token(self, mac: str, ip: str) -> str:
        """What the key can be fetched with: once, from this address, for some minutes."""
        with self._lock:
            now = time.monotonic()
            self._tokens = {t: v for t, v in self._tokens.items() if v[2] > now and v[1] != ip}
            token = secrets.token_hex(16)
            self._tokens[token] = (mac, ip, now + TOKEN_SECONDS)
            return token

    def take_token(self, token: str, ip: str) -> str:
        """The MAC it was made for, '' if it is none; afterwards it is none."""
        with self._lock:
            mac, owner, until = self._tokens.get(token, ("", "", 0.0))
            if not mac or owner != ip or time.monotonic() > until:
                return ""
            del self._tokens[token]
            return mac

    def stranger(self, ip: str) -> None:
        """Somebody asked for the key who may not have it."""
        self._tell(f"{self.mac_of(ip) or 'unknown card'} {ip}: asked for the key without having booted; refused")

    def list(self) -> list[dict]:
        with self._lock:
            return [asdict(c) for c in sorted(self._clients.values(), key=lambda c: c.since)]
