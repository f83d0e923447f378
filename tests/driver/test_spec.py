# SPDX-License-Identifier: GPL-2.0-only
"""What a node is made of: names, addresses, flavours, and what is refused."""

from pathlib import Path

import pytest

from tessera import Cluster, NodeSpec
from tessera.errors import ClusterError, UsageError


@pytest.fixture
def cluster(tmp_path):
    made = []

    def make(*args, **options):
        made.append(Cluster(*args, folder=tmp_path / f"c{len(made)}", **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def test_names_and_addresses_follow_the_number(cluster):
    nodes = cluster(3, nics=["lan0", "lan1"]).nodes
    assert [node.name for node in nodes] == ["node1", "node2", "node3"]
    ports = [(lan, port.name, port.mac) for lan, port in nodes[1].spec.ports()]
    assert ports == [("lan0", "node2.0", "52:54:00:70:00:02"), ("lan1", "node2.1", "52:54:00:71:00:02")]
    assert NodeSpec(name="x", number=513).ports()[0][1].mac == "52:54:00:70:02:01"


def test_each_node_can_differ(cluster):
    nodes = cluster([{}, {"flavour": "debian+uefi", "cpus": 2}, NodeSpec(name="big", memory=2048)],
                    cmdline="quiet").nodes
    assert [node.name for node in nodes] == ["node1", "node2", "big"]
    assert (nodes[1].spec.root, nodes[1].spec.firmware, nodes[1].spec.boot) == ("debian", "uefi", "kernel")
    assert [node.spec.mem for node in nodes] == [384, 768, 2048]
    assert "tessera.root=/dev/vda" in nodes[1].spec.kernel_cmdline()
    assert nodes[0].spec.kernel_cmdline().endswith("tessera.node=1 quiet")


def test_the_debug_kernel_gets_more_memory(monkeypatch):
    assert NodeSpec(kernel="debug").mem == 2 * NodeSpec(kernel="base").mem
    monkeypatch.setenv("KERNEL", "debug")
    assert NodeSpec().mem == NodeSpec(kernel="debug").mem
    assert NodeSpec(memory=100).mem == 100


def test_a_node_may_keep_its_default_number():
    spec = NodeSpec(name="a", number=4, set_number=False)
    assert "tessera.node" not in spec.kernel_cmdline()


@pytest.mark.parametrize("options, message", [
    ({"nodes": 0}, "needs nodes"),
    ({"nodes": [{"name": "a"}, {"name": "a"}]}, "name of its own"),
    ({"network": "token-ring"}, "token-ring"),
    ({"nodes": 1, "memory": 10}, "out of range"),
    ({"nodes": 1, "cpus": 0}, "out of range"),
    ({"nodes": 1, "boot": "iso"}, "none is named"),
    ({"nodes": 1, "flavour": "plan9"}, "plan9"),
    ({"nodes": 1, "firmware": "coreboot"}, "coreboot"),
    ({"nodes": [{"number": 70000}]}, "no node number"),
])
def test_what_cannot_be_is_refused_at_once(cluster, options, message):
    with pytest.raises(UsageError, match=message):
        cluster(**options)


def test_missing_pieces_are_named_with_their_remedy(cluster, tmp_path):
    one = cluster(1, kernel=str(tmp_path / "bzImage"), network="bridge")
    with pytest.raises(ClusterError, match=r"bzImage' does not exist; run 'make kernel"):
        one.start()
    assert not list(tmp_path.glob("c*/*.hub"))


def test_pxe_needs_a_server(cluster, tmp_path):
    (tmp_path / "k").touch()
    one = cluster(1, boot="pxe", kernel=str(tmp_path / "k"), initramfs=Path(tmp_path / "k"))
    with pytest.raises(UsageError, match="dhcp=True"):
        one.check_artifacts()


def test_a_folder_has_one_owner(tmp_path):
    first = Cluster(1, folder=tmp_path / "c")
    with pytest.raises(ClusterError, match="already up"):
        Cluster(1, folder=tmp_path / "c")
    first.close()
    second = Cluster(1, folder=tmp_path / "c")
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_nodes_are_found_by_name_and_number(cluster):
    one = cluster([{"name": "alpha"}, {}])
    assert one.node("alpha") is one.node(1) is one.node("1") is one.nodes[0]
    with pytest.raises(UsageError, match="there are alpha, node2"):
        one.node("beta")


def test_faults_need_a_lan(cluster):
    with pytest.raises(UsageError, match="no LAN 'lan0'"):
        cluster(2).cut(1, 2)
