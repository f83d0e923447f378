# SPDX-License-Identifier: GPL-2.0-only
"""Emulated Tessera clusters: N QEMU nodes on a virtual LAN, and how to drive them.

    with Cluster(nodes=3, network="hub", seed=7) as cluster:
        one, two, three = cluster.nodes
        cluster.cut(one, two)
        one.fail(f"ping -c1 -W1 {two.address()}")
"""

from .cluster import Cluster
from .errors import ClusterError, CommandFailed, WaitTimeout
from .machine import Node, NodeSpec

__all__ = ["Cluster", "ClusterError", "CommandFailed", "Node", "NodeSpec", "WaitTimeout"]
