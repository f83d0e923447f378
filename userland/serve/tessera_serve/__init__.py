# SPDX-License-Identifier: GPL-2.0-only
"""Boots the other machines of the room from the network.

cards     which network cards there are, and their addresses
probe     is there a DHCP server already?
rules     dnsmasq's configuration, as text
dnsmasq   the running dnsmasq, and what its log says
script    what iPXE is told; the key as an initramfs
web       HTTP: kernel, node image, and the key to those who may have it
clients   what is known of each machine
service   all of that together; knows when to answer DHCP and how
cli       the command
"""


import re

MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


class ServeError(Exception):
    """For people: says what is wrong and what to do."""
