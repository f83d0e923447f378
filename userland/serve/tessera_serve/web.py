# SPDX-License-Identifier: GPL-2.0-only
"""The HTTP server: the loader's scripts, kernel, node image, and the key."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from . import MAC, script

PIECE = 1 << 20
STALL_SECONDS = 60


class Site:
    """What there is to be fetched."""

    def __init__(self, folder: Path, title: str, cluster: str, append: str, secret: bytes,
                 allow: set[str], clients, live: Path | None = None, port: int = 80):
        self.files = {"vmlinuz": folder / "vmlinuz", "node.cpio.zst": folder / "node.cpio.zst"}
        self.files |= {f"loaders/{path.name}": path for path in (folder / "loaders").iterdir()}
        self.title = title
        self.cluster = cluster
        self.append = append
        self.secret = secret
        self.allow = allow
        self.clients = clients
        self.port = port
        self.live_sum = b""
        if live:
            self.files["live.squashfs"] = live
            with open(live, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.live_sum = f"{live.stat().st_size} {digest}\n".encode()

    def machine(self, base: str, mac: str, mem: str, ip: str, grub: bool = False) -> str:
        """The script for one machine; gives it a token for the key, or a refusal."""
        if self.allow and mac not in self.allow:
            self.clients.event(mac, "refused: not on the list", ip=ip)
            return script.grub_refused(mac) if grub else script.refused(mac)
        if mem.isdigit() and 0 < int(mem) < script.MIN_MIB:
            self.clients.event(mac, f"refused: {mem} MiB of memory, {script.MIN_MIB} needed", ip=ip)
            return script.too_small(int(mem))
        self.clients.event(mac, "got its script", ip=ip)
        token = self.clients.new_token(mac, ip) if self.secret else ""
        root = f"{base}/live.squashfs" if "live.squashfs" in self.files else ""
        words = script.kernel_words(self.cluster, self.append, root)
        if grub:
            return script.grub_machine(base, mac, self.title, words, token)
        return script.machine(base, self.title, words, token)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tessera-serve"
    sys_version = ""
    timeout = STALL_SECONDS
    server: "Server"

    def log_message(self, format, *args):  # noqa: A002 - the state is shown, not each request
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    @property
    def site(self) -> Site:
        return self.server.site

    def _answer(self, body: bool) -> None:
        url = urlsplit(self.path)
        name = unquote(url.path).lstrip("/")
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if name == "boot.ipxe":
            self._text(script.stub(self._base()), body)
        elif name in ("machine.ipxe", "machine.grub"):
            mac = query.get("mac", "").lower().replace("-", ":")
            if not MAC.fullmatch(mac):
                self.send_error(400, "a machine says its card's address: ?mac=")
                return
            self._text(self.site.machine(self._base(), mac, query.get("mem", ""), self.client_address[0],
                                         name.endswith(".grub")), body)
        elif name.startswith("key/"):
            self._key(name[4:], body)
        elif name == "live.squashfs.sum" and self.site.live_sum:
            self._bytes(self.site.live_sum, "text/plain", body)
        elif name in self.site.files:
            self._file(name, self.site.files[name], body)
        else:
            self.send_error(404, "there is no such file here")

    def _base(self) -> str:
        """As the client reached us, so that it works through whatever is between."""
        address = self.connection.getsockname()[0]
        return f"http://{address}" + ("" if self.site.port == 80 else f":{self.site.port}")

    def _text(self, text: str, body: bool) -> None:
        self._bytes(text.encode(), "text/plain", body)

    def _bytes(self, data: bytes, kind: str, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _key(self, token: str, body: bool) -> None:
        ip = self.client_address[0]
        mac = self.site.clients.take_token(token, ip) if body else ""
        if not mac:
            self.site.clients.stranger(ip)
            self.send_error(403, "the key is given once to a machine that has just got its boot script")
            return
        self.site.clients.event(mac, "got the key", key=True)
        self._bytes(script.key_initramfs(self.site.secret), "application/octet-stream", body)

    def _range(self, size: int) -> int | None:
        """Where to begin: iPXE asks for all, wget -c for the rest. None: not possible."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not match:
            return 0
        return int(match[1]) if int(match[1]) < size else None

    def _file(self, name: str, path: Path, body: bool) -> None:
        try:
            file = open(path, "rb")
        except OSError as error:
            self.send_error(500, f"{name} cannot be read: {error.strerror}")
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            begin = self._range(size)
            if begin is None:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(size - begin))
            self.end_headers()
            if body:
                self._send(name, file, begin, size)

    def _send(self, name: str, file, begin: int, size: int) -> None:
        ip, at = self.client_address[0], begin
        clients = self.site.clients
        self.wfile.flush()
        try:
            while at < size:
                clients.progress(ip, name, at, size)
                at += self.connection.sendfile(file, at, min(PIECE, size - at))
            clients.progress(ip, name, at, size)
        except OSError:
            mac = clients.mac_of(ip)
            if mac:
                clients.event(mac, f"broke off at {at >> 20} of {size >> 20} MiB of {name}")
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, site: Site):
        self.site = site
        super().__init__(("0.0.0.0", site.port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def get_request(self):
        connection, address = super().get_request()
        # A machine that was switched off in the middle is noticed.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection, address

    def handle_error(self, request, client_address):
        """A client that goes away is no error of ours."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
