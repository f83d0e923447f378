# SPDX-License-Identifier: GPL-2.0-only
"""The hub program, with frames from sockets instead of machines.

        a ---+
        b ---+--- hub
        c ---+
"""

import os
import socket
import struct
import subprocess
import time

import pytest

from tessera import artifacts, sockets

FRAME = bytes(range(60))


class Hub:
    """A running hub with ports a, b and c, and the peers' ends of them."""

    def __init__(self, folder, *options):
        self.folder = folder
        ports = [f"--port={name}:{folder}/{name}.hub:{folder}/{name}" for name in "abc"]
        self.process = subprocess.Popen(
            [artifacts.hub(), "--control", folder / "control", *ports, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline()
        self.peers = {name: self.plug(name) for name in "abc"}

    def plug(self, name):
        """A peer's socket, as QEMU makes it."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        peer.bind(str(path))
        peer.settimeout(5)
        return peer

    def send(self, name, frame=FRAME):
        self.peers[name].sendto(frame, str(self.folder / f"{name}.hub"))

    def gets(self, name, frame=FRAME):
        return self.peers[name].recv(70000) == frame

    def hears_nothing(self, name, others):
        """True if the next thing `name` gets is what `others` send it now."""
        self.tell(f"set {others} {name} cut=0")
        self.send(others, b"sentinel")
        return self.peers[name].recv(70000) == b"sentinel"

    def tell(self, line):
        with sockets.connect(self.folder / "control") as sock:
            sock.settimeout(10)
            sock.sendall(line.encode() + b"\n")
            answer = sock.makefile().readlines() if line == "quit" else []
            stream = sock.makefile()
            while not answer or not answer[-1].startswith(("ok", "error")):
                answer.append(stream.readline())
                assert answer[-1], "the hub hung up"
        return answer

    def stats(self, name):
        row = next(line for line in self.tell("stats") if f"port={name} " in line)
        return {key: int(value) for key, value in
                (word.split("=") for word in row.split()[2:])}

    def close(self):
        self.process.kill()
        self.process.communicate()
        for peer in self.peers.values():
            peer.close()


@pytest.fixture
def hub(tmp_path):
    hub = Hub(tmp_path, "--seed", "42")
    yield hub
    hub.close()


def test_seed_is_printed_and_frames_flood(hub):
    assert hub.ready == "ready seed=0x000000000000002a\n"
    hub.send("a")
    assert hub.gets("b") and hub.gets("c")
    big = os.urandom(65000)
    hub.send("c", big)
    assert hub.gets("a", big) and hub.gets("b", big)


def test_seeds_differ_when_none_is_given(tmp_path):
    seeds = set()
    for i in range(2):
        (tmp_path / str(i)).mkdir()
        hub = Hub(tmp_path / str(i))
        seeds.add(hub.ready)
        hub.close()
    assert len(seeds) == 2


def test_cut_one_way(hub):
    assert hub.tell("set a b cut=1") == ["ok\n"]
    hub.send("a")
    assert hub.gets("c")
    assert hub.hears_nothing("b", "c")
    hub.send("b")
    assert hub.gets("a", b"sentinel") and hub.gets("a")


def test_delay_is_kept(hub):
    hub.tell("set a b delay=150")
    start = time.monotonic()
    hub.send("a")
    assert hub.gets("c")
    early = time.monotonic() - start
    assert hub.gets("b")
    assert early < 0.15 <= time.monotonic() - start < 2


def losses(folder, seed):
    """Which of 200 frames from a to b survive a loss of one half."""
    folder.mkdir()
    hub = Hub(folder, "--seed", str(seed))
    try:
        hub.tell("set a b loss=0.5")
        hub.tell("set a c cut=1")
        got = []
        for i in range(200):
            hub.send("a", struct.pack(">I", i))
        # The loss would swallow a sentinel from a; the hub is asked instead.
        while hub.stats("a")["in_frames"] < 200:
            pass
        for _ in range(200 - hub.stats("b")["lost"]):
            got.append(struct.unpack(">I", hub.peers["b"].recv(100))[0])
        assert hub.stats("b")["out_frames"] == len(got)
        return got
    finally:
        hub.close()


def test_loss_replays_from_the_seed(tmp_path):
    first = losses(tmp_path / "1", 7)
    assert 60 < len(first) < 140
    assert losses(tmp_path / "2", 7) == first
    assert losses(tmp_path / "3", 8) != first


def test_peers_come_and_go(hub):
    hub.peers["b"].close()
    hub.send("a")
    assert hub.gets("c")  # a peer that is away stops nobody
    hub.peers["b"] = hub.plug("b")
    hub.send("a", b"again")
    assert hub.gets("b", b"again") and hub.gets("c", b"again")
    hub.send("b")  # and is heard again
    assert hub.gets("a") and hub.gets("c")


def test_slow_receiver_loses_nothing_soon_and_stops_nobody(hub):
    """b does not read for a while: its frames wait in the hub, c gets all at once."""
    for i in range(600):
        hub.send("a", struct.pack(">I", i))
        assert hub.gets("c", struct.pack(">I", i))
    for i in range(600):
        assert hub.gets("b", struct.pack(">I", i))
    assert hub.stats("b")["overrun"] == 0


def test_receiver_that_never_reads_overruns(hub):
    queue = 1024 + 4096  # what the hub and the kernel may keep for it
    for i in range(queue):
        hub.send("a")
        assert hub.gets("c")
    assert hub.stats("b")["overrun"] > 0
    hub.send("c")
    assert hub.gets("a")


def test_pcap_is_readable(hub, tmp_path):
    path = tmp_path / "lan.pcap"
    assert hub.tell(f"pcap {path}") == ["ok\n"]
    before = time.time()
    frames = [FRAME, os.urandom(1514), b"x" * 14]
    for frame in frames:
        hub.send("a", frame)
        assert hub.gets("b", frame)
    assert hub.tell("pcap off") == ["ok\n"]
    hub.send("a", b"after")
    assert hub.gets("b", b"after")
    data = path.read_bytes()
    assert struct.unpack_from("<IHHIIII", data) == (0xa1b23c4d, 2, 4, 0, 0, 262144, 1)
    at, seen = 24, []
    while at < len(data):
        sec, nsec, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length and abs(sec + nsec / 1e9 - before) < 60
        seen.append(data[at + 16:at + 16 + captured])
        at += 16 + captured
    assert seen == frames


def test_pcap_stops_at_its_limit(hub, tmp_path):
    path = tmp_path / "lan.pcap"
    hub.tell(f"pcap {path} 0.01")
    for _ in range(30):
        hub.send("a", bytes(1000))
        assert hub.gets("b", bytes(1000))
    assert 8000 < path.stat().st_size <= 0.01 * (1 << 20)


def test_pcap_to_nowhere_says_so(hub):
    answer = hub.tell("pcap /no/such/folder/x")
    assert answer == ["error No such file or directory '/no/such/folder/x'\n"]


def test_clients_that_talk_nonsense_do_no_harm(hub):
    with sockets.connect(hub.folder / "control") as sock:
        sock.settimeout(10)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while True:  # no end of line in sight: dropped
                sock.sendall(b"x" * 1000)
    quiet = [sockets.connect(hub.folder / "control") for _ in range(15)]
    assert hub.tell("frobnicate") == ["error unknown command 'frobnicate'\n"]
    for sock in quiet:
        sock.close()
    hub.send("a")
    assert hub.gets("b")


def test_quit_and_sigterm_end_it(hub, tmp_path):
    assert hub.tell("quit") == ["ok\n"]
    assert hub.process.wait(10) == 0
    (tmp_path / "2").mkdir()
    other = Hub(tmp_path / "2")
    other.process.terminate()
    assert other.process.wait(10) == 0
    other.close()


@pytest.mark.parametrize("words, status", [
    ([], 2), (["--help"], 0), (["--control"], 2), (["--control", "{t}/c", "extra"], 2),
    (["--control", "{t}/c", "--seed", "x"], 2), (["--control", "{t}/c", "--port", "a"], 1),
    (["--control", "{t}/c", "--port", "a:{t}/1:" + "x" * 200], 1),
    (["--control", "/no/such/folder/c"], 1),
    (["--control", "{t}/c", "--port", "a:{t}/1:{t}/2", "--port", "a:{t}/3:{t}/4"], 1),
])
def test_wrong_command_lines(tmp_path, words, status):
    done = subprocess.run([artifacts.hub(), *(word.replace("{t}", str(tmp_path)) for word in words)],
                          capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == status
    assert bool(done.stderr) == (status != 0)
