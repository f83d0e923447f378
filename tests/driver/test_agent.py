# SPDX-License-Identifier: GPL-2.0-only
"""The host's side of the agent's protocol, and the relay, against a made-up agent."""

import io
import os
import re
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from tessera import agent as a
from tessera.errors import AgentLost, ClusterError, CommandFailed, WaitTimeout
from tessera.server import Relay

HEADER = Path(__file__).resolve().parents[2] / "userland/agent/proto.h"


def test_numbers_are_those_of_the_header():
    """proto.h is the protocol; this side repeats its numbers and must agree."""
    text = HEADER.read_text()
    defines = dict(re.findall(r"#define AGENT_(\w+)\s+(0x\w+|\d+)u\b", text))
    expected = {"MAGIC": a.MAGIC, "VERSION": a.VERSION, "HEADER_SIZE": a.HEADER.size,
                "PAYLOAD_MAX": a.PAYLOAD_MAX, "WINDOW": a.WINDOW, "NONCE_SIZE": a.NONCE_SIZE,
                "STRINGS_MAX": a.STRINGS_MAX}
    assert {name: int(defines[name], 0) for name in expected} == expected
    for enum, prefix, first in ((a.Type, "agent_type", 1), (a.Exit, "agent_exit", 0)):
        body = re.search(rf"enum {prefix} {{(.*?)}};", text, re.S)[1]
        names = re.findall(r"AGENT_(\w+)", re.sub(r"/\*.*?\*/", "", body, flags=re.S))
        names = [name for name in names if name != "TYPE_END"]
        assert [(name, first + i) for i, name in enumerate(names)] == \
            [(member.name, member.value) for member in enum]


class FakeAgent:
    """Answers HELLO, then does what `script(kind, session, payload, send)` says."""

    def __init__(self, script, version=a.VERSION, noise=b""):
        self.ours, self.host = socket.socketpair()
        self._script, self._version, self._noise = script, version, noise
        threading.Thread(target=self._serve, daemon=True).start()

    def send(self, kind, session, payload=b""):
        self.ours.sendall(a.encode(kind, session, payload))

    def _serve(self):
        with self.ours, self.ours.makefile("rb") as stream:
            stream.read(len(a.SYNC))
            try:
                while frame := a.read_frame(stream):
                    kind, session, payload = frame
                    if kind == a.Type.HELLO:
                        self.ours.sendall(self._noise)
                        self.send(kind, 0, struct.pack("<I", self._version) + payload[4:])
                    elif self._script(kind, session, payload, self.send) == "hang up":
                        return
            except OSError:
                pass


def ended(status=0, kind=a.Exit.EXITED, text=""):
    return struct.pack("<Ii", kind, status) + text.encode()


def connect(script, **options):
    fake = FakeAgent(script, **options)
    return a.Agent(fake.host, "node1", timeout=5)


def echo(kind, session, payload, send):
    """Runs cat, more or less."""
    if kind == a.Type.DATA:
        send(a.Type.WINDOW_ADD, session, len(payload).to_bytes(4, "little"))
        send(a.Type.STDOUT, session, payload)
    elif kind == a.Type.EOF:
        send(a.Type.EXIT, session, ended(5))


def test_greeting_is_found_behind_the_rest_of_another_connection():
    noise = os.urandom(5000) + a.encode(a.Type.HELLO, 0, bytes(20)) + b"TSAG\1"
    result = connect(echo, noise=noise).run(["cat"], stdin=b"x" * 100000, timeout=10)
    assert (result.status, result.stdout) == (5, "x" * 100000)


def test_another_version_is_refused():
    with pytest.raises(ClusterError, match="version 9.*make node"):
        connect(echo, version=9)


def test_silence_is_not_waited_for_for_ever():
    ours, host = socket.socketpair()
    with ours, pytest.raises(AgentLost, match="does not answer"):
        a.Agent(host, "node1", timeout=0.2)


def test_input_waits_for_credit():
    """An agent that consumes nothing gets one window and no more."""
    taken = []

    def hoard(kind, session, payload, send):
        if kind == a.Type.DATA:
            taken.append(len(payload))
    session = connect(hoard).session(["cat"])
    from tessera.timing import Deadline
    with pytest.raises(WaitTimeout):
        session.write(bytes(a.WINDOW + 1), Deadline(0.3))
    assert sum(taken) <= a.WINDOW


def test_output_gives_credit_back():
    credits = []

    def flood(kind, session, payload, send):
        if kind == a.Type.RUN:
            send(a.Type.STDOUT, session, bytes(30000))
            send(a.Type.STDERR, session, bytes(20000))
        elif kind == a.Type.WINDOW_ADD:
            credits.append(int.from_bytes(payload, "little"))
            if len(credits) == 2:
                send(a.Type.EXIT, session, ended())
    result = connect(flood).run(["x"], timeout=10)
    assert len(result.stdout_bytes) == 30000 and len(result.stderr_bytes) == 20000
    assert credits == [30000, 20000]


@pytest.mark.parametrize("payload, error, message", [
    (ended(0, a.Exit.TIMED_OUT), WaitTimeout, "longer than"),
    (ended(2, a.Exit.FAILED, "exec 'x': No such file"), CommandFailed, "node1: exec 'x': No such"),
])
def test_ends_that_are_errors(payload, error, message):
    def script(kind, session, _, send):
        if kind == a.Type.RUN:
            send(a.Type.EXIT, session, payload)
    with pytest.raises(error, match=message):
        connect(script).run(["x"], timeout=10)


def test_killed_commands_have_the_shells_status():
    def script(kind, session, _, send):
        if kind == a.Type.RUN:
            send(a.Type.EXIT, session, ended(9, a.Exit.KILLED))
    assert connect(script).run(["x"], timeout=10).status == 137


def test_a_node_that_goes_away_wakes_all_who_wait():
    agent = connect(lambda kind, *_: "hang up" if kind == a.Type.SIGNAL else None)
    errors = []

    def wait():
        try:
            agent.run(["sleep"], timeout=60)
        except AgentLost as error:
            errors.append(error)
    waiters = [threading.Thread(target=wait) for _ in range(5)]
    for waiter in waiters:
        waiter.start()
    agent.session(["x"]).signal(1)
    for waiter in waiters:
        waiter.join(10)
    assert len(errors) == 5
    with pytest.raises(AgentLost):
        agent.run(["x"])


def test_what_cannot_be_sent_is_refused():
    agent = connect(echo)
    for argv in ([], ["x" * 70000], ["a\0b"], ["x"] * 513):
        with pytest.raises(ClusterError):
            agent.run(argv)


def test_copies():
    files = {}

    def store(kind, session, payload, send):
        if kind == a.Type.PUT:
            files[session] = [payload, b""]
        elif kind == a.Type.DATA:
            files[session][1] += payload
            send(a.Type.WINDOW_ADD, session, len(payload).to_bytes(4, "little"))
        elif kind == a.Type.EOF:
            send(a.Type.EXIT, session, ended())
        elif kind == a.Type.GET:
            send(a.Type.STDOUT, session, b"content of " + payload[:-1])
            send(a.Type.EXIT, session, ended())
    agent = connect(store)
    data = os.urandom(1 << 20)
    agent.put(io.BytesIO(data), "/a b", 0o751)
    (request, got), = files.values()
    assert request == (0o751).to_bytes(4, "little") + b"/a b\0" and got == data
    target = io.BytesIO()
    agent.get("/c", target)
    assert target.getvalue() == b"content of /c"


def relayed(agent):
    """A second connection to the same agent, through a relay."""
    ours, host = socket.socketpair()

    def serve():
        with ours, ours.makefile("rb") as stream:
            Relay(ours, stream, agent).run()
    threading.Thread(target=serve, daemon=True).start()
    return a.Agent(host, "relayed", timeout=5)


def test_relays_share_one_connection():
    agent = connect(echo)
    clients = [relayed(agent) for _ in range(4)]
    results = {}

    def work(i):
        text = f"{i}".encode() * 300000
        results[i] = clients[i].run(["cat"], stdin=text, timeout=30).stdout_bytes == text
    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert results == {0: True, 1: True, 2: True, 3: True}


def test_a_client_that_leaves_closes_its_sessions_only():
    closed = threading.Event()

    def script(kind, session, payload, send):
        if kind == a.Type.CLOSE:
            closed.set()
        else:
            echo(kind, session, payload, send)
    agent = connect(script)
    leaving = relayed(agent)
    leaving.session(["sleep"])
    leaving.close()
    assert closed.wait(10)
    assert relayed(agent).run(["cat"], timeout=10).status == 5
    assert agent.run(["cat"], timeout=10).status == 5


def test_the_agent_program_needs_its_port():
    """On a machine that has no such port it ends at once, quietly, with 0."""
    program = Path(os.environ.get("TESSERA_BUILD", "build")) / "userland/tessera-agent"
    done = subprocess.run([program], capture_output=True, timeout=10, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = subprocess.run([program, "--help"], capture_output=True, timeout=10, check=False)
    assert done.returncode == 0 and b"usage:" in done.stdout
    assert subprocess.run([program, "x"], capture_output=True, timeout=10, check=False).returncode == 2
