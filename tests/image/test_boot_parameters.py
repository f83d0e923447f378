# SPDX-License-Identifier: GPL-2.0-only
"""The reader of the boot parameters, run by the node's own busybox on made-up
command lines: right values are taken, wrong ones get a message and a default."""

import subprocess

import pytest

DEFAULTS = {"ROOT": "ram", "NODE": "", "IP": "dhcp", "GATEWAY": "", "HOSTNAME": "", "BOOTIF": "",
            "CLUSTER": "", "DISCOVERY": "on", "SSHKEY": "", "TORAM": "", "PERSISTENCE": "", "SERVE": ""}


@pytest.fixture
def read(top, busybox, tmp_path):
    """Returns (the settings that differ from the defaults, the complaints)."""
    def run(line):
        (tmp_path / "cmdline").write_text(line + "\n")
        complaints = tmp_path / "complaints"
        complaints.unlink(missing_ok=True)
        done = subprocess.run(
            [busybox, "sh", top / "rootfs/common/usr/lib/tessera/params", tmp_path / "cmdline"],
            env={"TESSERA_RUN": str(tmp_path)}, text=True, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = complaints.read_text().splitlines() if complaints.exists() else []
        assert done.stderr.splitlines() == [f"tessera: {line}" for line in said]
        settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
        settings = {key.removeprefix("TESSERA_"): value for key, value in settings.items()}
        assert settings.keys() == DEFAULTS.keys()
        return {key: value for key, value in settings.items() if value != DEFAULTS[key]}, said
    return run


@pytest.mark.parametrize("line, settings", [
    ("", {}),
    ("console=ttyS0 quiet root=/dev/sda1 ip=dhcp", {}),
    ("tessera.root=ram", {}),
    ("tessera.root=/dev/vda", {"ROOT": "/dev/vda"}),
    ("tessera.root=/dev/disk/by-id/usb-A_B:0-part1", {"ROOT": "/dev/disk/by-id/usb-A_B:0-part1"}),
    ("tessera.root=live toram persistence", {"ROOT": "live", "TORAM": "yes", "PERSISTENCE": "yes"}),
    ("tessera.root=http://10.0.0.1:8080/a/live.squashfs", {"ROOT": "http://10.0.0.1:8080/a/live.squashfs"}),
    ("tessera.sshkey=ssh-ed25519:AAAAC3+/x=", {"SSHKEY": "ssh-ed25519:AAAAC3+/x="}),
    ("tessera.serve=yes", {"SERVE": "yes"}),
    ("tessera.node=1", {"NODE": "1"}),
    ("tessera.cluster=lab-2.b_c tessera.key=se=cret", {"CLUSTER": "lab-2.b_c"}),
    ("tessera.discovery=off", {"DISCOVERY": "off"}),
    ("tessera.discovery=off tessera.discovery=on", {}),
    ("tessera.node=65535", {"NODE": "65535"}),
    ("tessera.ip=dhcp", {}),
    ("tessera.ip=linklocal", {"IP": "linklocal"}),
    ("tessera.ip=none", {"IP": "none"}),
    ("tessera.ip=192.168.1.7/24", {"IP": "192.168.1.7/24"}),
    ("tessera.ip=10.0.0.9/8,10.255.255.1", {"IP": "10.0.0.9/8", "GATEWAY": "10.255.255.1"}),
    ("tessera.hostname=kitchen-7", {"HOSTNAME": "kitchen-7"}),
    ("BOOTIF=01-52-54-00-AB-cd-0f", {"BOOTIF": "52:54:00:ab:cd:0f"}),
])
def test_right_values_are_taken(read, line, settings):
    assert read(line) == (settings, [])


@pytest.mark.parametrize("line, settings", [
    ("tessera.node=3 tessera.node=4", {"NODE": "4"}),
    ("tessera.ip=none tessera.ip=dhcp", {}),
    ("tessera.ip=10.0.0.9/8,10.0.0.1 tessera.ip=10.1.1.1/8", {"IP": "10.1.1.1/8"}),
    ("tessera.root=/dev/vda tessera.root=ram", {}),
])
def test_the_last_of_several_counts(read, line, settings):
    assert read(line) == (settings, [])


@pytest.mark.parametrize("word, message", [
    ("tessera.node=0", "from 1 to 65535"),
    ("tessera.node=65536", "from 1 to 65535"),
    ("tessera.node=99999999999999999999", "from 1 to 65535"),
    ("tessera.node=-1", "from 1 to 65535"),
    ("tessera.node=07", "from 1 to 65535"),
    ("tessera.node=0x10", "from 1 to 65535"),
    ("tessera.node=", "from 1 to 65535"),
    ("tessera.ip=", "must be dhcp, linklocal, none or an address"),
    ("tessera.ip=static", "must be dhcp, linklocal, none or an address"),
    ("tessera.ip=1.2.3/24", "must be dhcp, linklocal, none or an address"),
    ("tessera.ip=1.2.3.4.5/24", "must be dhcp, linklocal, none or an address"),
    ("tessera.ip=1.2.3.256/24", "must be dhcp, linklocal, none or an address"),
    ("tessera.ip=1.2..4/24", "must be dhcp, linklocal, none or an address"),
    ("tessera.ip=10.0.0.1", "needs a prefix length from 1 to 31, as in 10.0.0.1/24"),
    ("tessera.ip=10.0.0.1/", "needs a prefix length"),
    ("tessera.ip=10.0.0.1/0", "needs a prefix length"),
    ("tessera.ip=10.0.0.1/33", "needs a prefix length"),
    ("tessera.ip=10.0.0.1/24/8", "needs a prefix length"),
    ("tessera.root=", "must be 'ram', 'live', a device"),
    ("tessera.root=vda", "must be 'ram', 'live', a device"),
    ("tessera.root=/dev/", "must be 'ram', 'live', a device"),
    ("tessera.root=/dev/../etc/passwd", "no device name"),
    ("tessera.root=http://server/live.squashfs", "must be given by its IPv4 address"),
    ("tessera.root=http://10.0.0.1/$(reboot)", "must be given by its IPv4 address"),
    ("tessera.sshkey=ssh-ed25519", "must be type and key"),
    ("tessera.sshkey=ssh-ed25519:AAAA:x", "must be type and key"),
    ("tessera.sshkey=no-pty,ssh-rsa:AAAA", "must be type and key"),
    ("tessera.root=/dev/vda;reboot", "no device name"),
    ("tessera.root=/dev/$(reboot)", "no device name"),
    ("tessera.hostname=", "letters, digits and inner hyphens"),
    ("tessera.hostname=-a", "letters, digits and inner hyphens"),
    ("tessera.hostname=a_b", "letters, digits and inner hyphens"),
    ("tessera.hostname=`reboot`", "letters, digits and inner hyphens"),
    ("tessera.hostname=" + "a" * 64, "at most 63"),
    ("BOOTIF=01-52-54-00", "no Ethernet address"),
    ("tessera.discovery=no", "must be on or off"),
    ("tessera.nod=7", "is unknown, ignoring it"),
    ("tessera.", "is unknown, ignoring it"),
])
def test_a_wrong_value_gets_a_message_and_the_default(read, word, message):
    settings, said = read(f"quiet {word} tessera.foo")
    assert settings == {}
    assert len(said) == 2 and "'tessera.foo': is unknown" in said[1]
    assert f"'{word}'" in said[0] and message in said[0]


@pytest.mark.parametrize("name", ["a;b", "a" * 65])
def test_a_wrong_name_of_a_cluster_joins_none(read, name):
    settings, said = read(f"tessera.cluster={name}")
    assert settings == {"DISCOVERY": "off"}
    assert len(said) == 1 and "at most 64" in said[0]


@pytest.mark.parametrize("gateway", ["10.0.1.1", "10.0.0", "x", "10.0.0.1,10.0.0.2"])
def test_a_gateway_outside_the_subnet_is_left_out(read, gateway):
    settings, said = read(f"tessera.ip=10.0.0.9/24,{gateway}")
    assert settings == {"IP": "10.0.0.9/24"}
    assert len(said) == 1 and f"gateway '{gateway}'" in said[0]


def test_a_wrong_value_takes_an_earlier_right_one_back(read):
    settings, said = read("tessera.node=7 tessera.node=x")
    assert settings == {} and len(said) == 1


def test_patterns_in_the_command_line_are_no_file_names(read):
    assert read("* tessera.node=5 [a-z]* /*") == ({"NODE": "5"}, [])


def test_the_page_for_people_names_every_parameter(top):
    source = (top / "rootfs/common/usr/lib/tessera/params").read_text()
    known = source.split("known='")[1].split("'")[0].split()
    page = (top / "docs/boot-parameters.md").read_text()
    assert known and all(f"`{name}=" in page for name in known + ["BOOTIF"])
