# SPDX-License-Identifier: GPL-2.0-only
"""tessera-serve without machines: what it offers to whom, who gets the key, and how it
behaves beside other DHCP servers."""

import contextlib
import errno
import ipaddress
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from room import TOP, Room, Serve, run, wait_until

from tessera_serve import probe, rules, script, service

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin"),
                                reason="needs root and dnsmasq (Debian package dnsmasq-base)")
LOADERS = ("undionly.kpxe", "snponly.efi", "ipxe.efi", "ipxe.pxe", "grubia32.efi")
MAC = "52:54:00:aa:bb:cc"


def make_payload(folder):
    folder = folder / "payload"
    (folder / "loaders").mkdir(parents=True)
    for name in LOADERS:
        (folder / "loaders" / name).write_bytes(f"this is {name}\n".encode() * 100)
    (folder / "vmlinuz").write_bytes(os.urandom(3 << 20))
    # More than the buffers between server and client take.
    (folder / "node.cpio.zst").write_bytes(os.urandom(1 << 20) * 48)
    (folder / "release").write_text("TESSERA_VERSION=test\n")
    return folder


@contextlib.contextmanager
def new_room():
    # Readable for dnsmasq, which is not root.
    with tempfile.TemporaryDirectory(prefix="serve") as name:
        os.chmod(name, 0o755)
        room = Room(Path(name))
        try:
            yield room
        finally:
            room.close()


@pytest.fixture
def room():
    with new_room() as room:
        yield room


@pytest.fixture
def payload(room):
    return make_payload(room.folder)


def get(host, path, *curl):
    """(status, body) of http://SERVER/path, asked by another machine."""
    out = host.room.folder / f"got-{host.name}"
    out.unlink(missing_ok=True)
    status = host.run("curl", "-s", "-m", "20", "-o", out, "-w", "%{http_code}", *curl, path)
    return int(status), out.read_bytes() if out.exists() else b""


# --- what each kind of machine is offered -------------------------------------

WANTED = [((0,), "undionly.kpxe"), ((7,), "snponly.efi"), ((9,), "snponly.efi"), ((6,), "grubia32.efi"),
          ((2,), "grubia32.efi"), ((0, "ipxe"), "http://{}/boot.ipxe"), ((7, "ipxe"), "http://{}/boot.ipxe")]


def test_full_dhcp_where_there_is_none(room, payload):
    server, client = room.host("server"), room.host("client")
    serve = Serve(server, payload).ready()
    assert "no DHCP server; 10.83.0.1 gives addresses" in serve.said()
    assert server.addresses() == ["10.83.0.1/16"]
    for words, wanted in WANTED:
        (offer,) = client.client(*map(str, words))
        assert offer["lease"].startswith("10.83."), words
        assert offer["file"] == wanted.format("10.83.0.1"), words
    (offer,) = client.client("16", "http")
    assert (offer["file"], offer["class"]) == ("http://10.83.0.1/loaders/snponly.efi", "HTTPClient")
    # What is offered is there: by TFTP the loaders and nothing else.
    client.address("10.83.0.9/16")
    for name in LOADERS:
        assert run("ip", "netns", "exec", client.space, "curl", "-s", "-m", "10", f"tftp://10.83.0.1/{name}") \
            == f"this is {name}\n" * 100
    for name in ("../vmlinuz", "../../key", "/etc/passwd"):
        done = subprocess.run(["ip", "netns", "exec", client.space, "curl", "-s", "-m", "5", "--path-as-is",
                               f"tftp://10.83.0.1/{name}"], capture_output=True, check=False)
        assert done.returncode != 0 and done.stdout == b"", name
    assert serve.stop() == 0
    assert server.addresses() == []
    assert not list(serve.run_folder.glob("state*")), "its state is gone with it"
    assert client.client("0") == []


def test_beside_a_foreign_server(room, payload):
    """The router goes on giving addresses, and is the only one that does."""
    room.foreign_dhcp()
    server, client = room.host("server"), room.host("client")
    server.address("192.168.44.7/24")
    serve = Serve(server, payload).ready()
    assert "a DHCP server is there, 192.168.44.1" in serve.said()
    for words, wanted in WANTED:
        offers = {offer["server"]: offer for offer in client.client(*map(str, words))}
        assert offers["192.168.44.1"]["lease"].startswith("192.168.44.1")
        assert offers["192.168.44.1"]["file"] == ""
        ours = offers["192.168.44.7"]
        assert ours["lease"] == "0.0.0.0", words
        # BIOS ROMs and UEFI read the loader's name in the answer, or in that to a second question.
        assert ours["file"] in (wanted.format("192.168.44.7"), ""), words
        if "ipxe" in words:
            assert ours["file"] == wanted.format("192.168.44.7")
            assert ours["next_server"] == "192.168.44.7", "iPXE takes no proxy's answer without"
        assert ours["class"] == "PXEClient"
    assert serve.status()["cards"] == [{"card": "eth0", "address": "192.168.44.7/24", "dhcp": "proxy",
                                        "servers": ["192.168.44.1"]}]
    assert serve.stop() == 0
    assert server.addresses() == ["192.168.44.7/24"], "an address that was there before stays"


def test_two_that_give_addresses_are_refused(room, payload):
    room.foreign_dhcp()
    server = room.host("server")
    server.address("192.168.44.7/24")
    serve = Serve(server, payload, "--dhcp", "full")
    assert serve.process.wait(30) == 1
    assert "not served" in serve.said() and "no network card can be served" in serve.said()


def test_the_probe_hears_only_servers_with_leases(room):
    client = room.host("client")
    here = str(TOP / "userland/serve")
    look = ["/usr/bin/python3", "-c", f"import sys; sys.path.insert(0, {here!r})\n"
            "from tessera_serve.probe import find_servers\nprint(sorted(find_servers('eth0', 2)))"]
    assert client.run(*look).strip() == "[]"
    room.foreign_dhcp()
    assert client.run(*look).strip() == "['192.168.44.1']"


# --- HTTP, and the key ----------------------------------------------------------

@pytest.fixture(scope="module")
def served():
    with new_room() as room:
        server, client, other = room.host("server"), room.host("client"), room.host("other")
        serve = Serve(server, make_payload(room.folder), "--cluster", "lab", "--append", "extra=1").ready()
        client.address("10.83.0.9/16")
        other.address("10.83.0.10/16")
        serve.other = other
        yield serve, client


def machine_script(client, mac=MAC, more=""):
    return get(client, f"http://10.83.0.1/machine.ipxe?mac={mac}{more}")[1].decode()


def key_url(text):
    return next(word for line in text.splitlines() for word in line.split() if "/key/" in word)


def test_the_payload_by_http_whole_and_from_the_middle(served):
    serve, client = served
    payload = serve.host.room.folder / "payload"
    for name in ("vmlinuz", "node.cpio.zst"):
        assert get(client, f"http://10.83.0.1/{name}") == (200, (payload / name).read_bytes())
    status, rest = get(client, "http://10.83.0.1/vmlinuz", "-r", "1000000-")
    assert (status, rest) == (206, (payload / "vmlinuz").read_bytes()[1000000:])
    assert get(client, "http://10.83.0.1/vmlinuz", "-r", "99999999-")[0] == 416
    assert get(client, "http://10.83.0.1/nothing")[0] == 404
    assert get(client, "http://10.83.0.1/../key", "--path-as-is")[0] == 404


def test_a_machine_gets_its_script_and_the_key_once(served):
    serve, client = served
    assert "machine.ipxe?mac=${netX/mac}" in get(client, "http://10.83.0.1/boot.ipxe")[1].decode()
    text = machine_script(client)
    assert "tessera.cluster=lab" in text and " extra=1" in text and "/vmlinuz" in text
    status, data = get(client, key_url(text))
    assert status == 200 and data == script.key_initramfs(b"a secret\n")
    assert get(client, key_url(text))[0] == 403, "a second time"
    machines = wait_until(lambda: [m for m in serve.status()["machines"] if m["key"]], 5, "that it is shown")
    assert [(m["mac"], m["ip"]) for m in machines] == [(MAC, "10.83.0.9")]
    assert f"{MAC} 10.83.0.9: got the key" in serve.said()


def test_a_machine_with_grub(served):
    """32-bit UEFI: a stub by TFTP, the rest by HTTP."""
    serve, client = served
    stub = client.run("curl", "-s", "-m", "10", "tftp://10.83.0.1/grub/grub.cfg")
    assert "configfile (http,$net_default_server)/machine.grub?mac=$net_default_mac" in stub
    text = get(client, "http://10.83.0.1/machine.grub?mac=" + MAC)[1].decode()
    assert "linux (http,10.83.0.1)/vmlinuz" in text and "tessera.cluster=lab" in text
    token = re.search(r"\(http,10\.83\.0\.1\)/(key/[0-9a-f]{32})", text)[1]
    assert get(client, f"http://10.83.0.1/{token}")[0] == 200


def test_strangers_do_not_get_the_key(served):
    serve, client = served
    url = key_url(machine_script(client))
    assert get(serve.other, url)[0] == 403, "from another address"
    assert get(client, "http://10.83.0.1/key/" + "0" * 32)[0] == 403
    assert "asked for the key without having booted; refused" in serve.said()
    assert b"a secret" not in b"".join(get(client, f"http://10.83.0.1/{name}")[1]
                                       for name in ("vmlinuz", "node.cpio.zst", "boot.ipxe"))
    assert get(client, url)[0] == 200, "the machine itself still may"


def test_too_little_memory_is_said_before_anything_is_loaded(served):
    serve, client = served
    text = machine_script(client, more="&mem=128")
    assert f"128 MiB of memory; a Tessera node needs {script.MIN_MIB} MiB" in text
    assert "kernel" not in text and "/key/" not in text
    assert "kernel" in machine_script(client, more=f"&mem={script.MIN_MIB}")
    assert "kernel" in machine_script(client, more="&mem="), "where the loader does not know it"


def test_a_machine_that_is_switched_off_while_loading(served):
    serve, client = served
    machine_script(client)
    client.run("timeout", "1", "curl", "-s", "--limit-rate", "100k", "-o", "/dev/null",
               "http://10.83.0.1/node.cpio.zst", check=False)
    wait_until(lambda: "broke off at" in serve.said(), 10, "that it broke off")


def test_only_listed_machines(room, payload):
    server, client = room.host("server"), room.host("client")
    Serve(server, payload, "--allow", MAC).ready()
    client.address("10.83.0.9/16")
    assert "kernel" in machine_script(client)
    assert "not on the list" in machine_script(client, "52:54:00:00:00:99")


# --- the command ------------------------------------------------------------------

def command(*words):
    return subprocess.run([TOP / "userland/serve/tessera-serve", *words], capture_output=True, text=True, check=False)


def test_one_at_a_time_and_stop(room, payload):
    serve = Serve(room.host("server"), payload).ready()
    done = subprocess.run(["ip", "netns", "exec", serve.host.space, *map(str, serve.words)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "running already" in done.stderr
    assert command("--run", serve.run_folder, "--stop").returncode == 0
    assert serve.process.wait(5) == 0
    assert serve.host.addresses() == []


def test_what_it_says_when_something_is_missing(tmp_path):
    done = command("--run", tmp_path, "--status")
    assert done.returncode == 1 and "not running" in done.stderr
    done = command("--run", tmp_path, "--payload", tmp_path)
    assert done.returncode == 1 and "install the package tessera-netboot" in done.stderr
    assert command("--allow", "nonsense").returncode == 2
    assert command("--payload", tmp_path, "--version").stdout.startswith("tessera-serve (Tessera unknown")


def test_the_manual_has_every_option():
    text = command("--help").stdout
    manual = (TOP / "userland/serve/tessera-serve.8").read_text().replace("\\", "")
    options = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", text))
    assert {"-h", "--help", "-V", "--version", "--json"} <= options
    assert not [option for option in options if option not in manual]
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", TOP / "userland/serve/tessera-serve.8"],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""


# --- pure functions -----------------------------------------------------------------

def test_rules_name_every_kind_of_firmware():
    text = command("--print-rules", "192.168.7.1/24").stdout
    for arch in (0, 2, 6, 7, 8, 9, 16):
        assert f"client-arch,{arch}\n" in text
    assert "dhcp-boot=tag:eth0,tag:ipxe,http://192.168.7.1/boot.ipxe,,192.168.7.1" in text
    assert "pxe-service=tag:eth0,tag:!ipxe,0," in text


def test_addresses_that_may_be_in_use_are_looked_for():
    """But not in a network that nobody else gives addresses in."""
    def text(*own):
        return rules.Rules("/x", 80, [rules.Segment(f"eth{i}", ipaddress.ip_interface("10.0.0.1/16"), False, "a", "b", o)
                                      for i, o in enumerate(own)]).text("")
    assert "no-ping" in text(True) and "no-ping" in text(True, True)
    assert "no-ping" not in text(True, False) and "no-ping" not in text()


def test_native_loaders():
    r = rules.Rules("/x", 80, [], native=True)
    assert (r.loader("snponly.efi"), r.loader("undionly.kpxe")) == ("ipxe.efi", "ipxe.pxe")


def test_an_offer_is_one_for_us_only():
    frame = bytearray(probe.frame(b"\2" * 6, probe.discover(7, b"\2" * 6)))
    assert probe.parse_offer(bytes(frame), 7) is None, "a question is no offer"
    for length in range(len(frame)):
        assert probe.parse_offer(bytes(frame[:length]), 7) is None
    frame[42] = 2
    at = 42 + 240
    frame[at:at + 3] = b"\x35\x01\x02"
    assert probe.parse_offer(bytes(frame), 7) is None, "without an address it is a proxy's"
    frame[58:62] = b"\x0a\0\0\x05"
    assert probe.parse_offer(bytes(frame), 8) is None
    assert probe.parse_offer(bytes(frame), 7) == "an unnamed server"


def test_a_cable_that_is_out_does_not_end_it(monkeypatch, tmp_path):
    said = []
    own = service.Service(service.Options(tmp_path, tmp_path, []), said.append)
    address = ipaddress.ip_interface("10.83.0.1/16")
    own.segments = [service.Segment("eth0", address, proxy=False)]
    monkeypatch.setattr(service.cards, "list_cards", lambda names: [service.Card("eth0", MAC, False, address)])

    def down(*_):
        raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))

    monkeypatch.setattr(service, "find_servers", down)
    own._look_again()
    assert own.segments and not said and not own.problem()
