# SPDX-License-Identifier: GPL-2.0-only
"""Debian from a server, fetched by the shell and the busybox of the node image."""

import hashlib
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import BUILD, needed

IMAGE = os.urandom(3 << 20)
SUM = f"{len(IMAGE)} {hashlib.sha256(IMAGE).hexdigest()}\n".encode()
SCRIPT = """
say() { echo "said: $*"; }
complain() { echo "complained: $*"; }
no_start() { echo "no start: $*"; }
. /usr/lib/tessera/medium.sh
mount -t tmpfs tmpfs /run && mkdir -p /run/tessera || exit 9
room=0 server_deadline=6
get_squashfs "$1" && sha256sum < "$squashfs"
"""


class Handler(BaseHTTPRequestHandler):
    """Of the first answers some end early; `pauses` and `breaks` are counted down."""
    pauses = breaks = 0
    over = threading.Event()

    def log_message(self, *_):
        pass

    def do_GET(self):
        begin = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        data = SUM if self.path.endswith(".sum") else IMAGE
        if self.path.startswith("/wrong") and data == IMAGE:
            data = IMAGE[:-1] + b"?"
        at = int(begin.group(1)) if begin else 0
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", len(data) - at)
        if begin:
            self.send_header("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if data is SUM or not (Handler.pauses or Handler.breaks):
            self.wfile.write(data[at:])
            return
        self.wfile.write(data[at:at + (1 << 20)])
        self.wfile.flush()
        if Handler.pauses:
            Handler.pauses -= 1
            Handler.over.wait(60)
        else:
            Handler.breaks -= 1


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    if os.geteuid():
        pytest.skip("needs root, to change the root")
    packed = needed(BUILD / "node/node.cpio.zst", "make node")
    folder = tmp_path_factory.mktemp("root")
    subprocess.run(["sh", "-c", 'zstd -dc "$0" | cpio -idm --quiet', packed], cwd=folder, check=True)
    return folder


@pytest.fixture
def server():
    Handler.pauses = Handler.breaks = 0
    Handler.over.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_address[1]}"
        Handler.over.set()
        http.shutdown()


def fetch(root, url, script=SCRIPT):
    into = 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c "$1" sh "$2"'
    return subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", into, root, script, url], capture_output=True,
                          text=True, check=False, timeout=120)


def test_a_transfer_that_breaks_off_goes_on(root, server):
    Handler.breaks = 2
    done = fetch(root, f"{server}/live.squashfs")
    assert done.stdout.splitlines()[-1].startswith(SUM.split()[1].decode()), done
    assert done.stdout.count("stopped sending after") == 2 and "after 2 MiB of 3 MiB; asking again" in done.stdout


def test_a_server_that_pauses_is_asked_again(root, server):
    Handler.pauses = 1
    done = fetch(root, f"{server}/live.squashfs")
    assert done.stdout.splitlines()[-1].startswith(SUM.split()[1].decode()), done
    assert "after 1 MiB of 3 MiB; asking again" in done.stdout


def test_what_was_not_meant_is_not_taken(root, server):
    done = fetch(root, f"{server}/wrong")
    assert done.returncode and "SHA-256 differs" in done.stdout


def test_a_network_that_does_not_end_is_ended(root):
    script = """
. /usr/lib/tessera/medium.sh
printf '%s\\n' '#!/bin/sh' 'trap "" TERM' 'while :; do sleep 1; done' > /tmp/dhcpcd
chmod +x /tmp/dhcpcd
/tmp/dhcpcd & network_pid=$!
sleep 0.5
kill $network_pid
sleep 0.5
[ -e "/proc/$network_pid/exe" ] && echo deaf
stop_network
[ -e "/proc/$network_pid/exe" ] || echo over
"""
    assert fetch(root, "", script).stdout == "deaf\nover\n"


def test_nobody_answers(root):
    done = fetch(root, "http://127.0.0.1:9/live.squashfs")
    assert done.returncode and "the server does not answer (asked for 6 s)" in done.stdout, done
