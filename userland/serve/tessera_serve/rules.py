# SPDX-License-Identifier: GPL-2.0-only
"""dnsmasq's configuration: who gets which loader. Pure text, no side effects."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from . import ServeError

# What a machine says it is (DHCP option 93): tag, loader. Firmware of 32-bit UEFI
# has been seen to call itself 2 or 8, that of 64-bit UEFI 9.
PXE_CLIENTS = {0: ("bios", "undionly.kpxe"),
               2: ("ia32", "grubia32.efi"), 6: ("ia32", "grubia32.efi"), 8: ("ia32", "grubia32.efi"),
               7: ("x64", "snponly.efi"), 9: ("x64", "snponly.efi")}
HTTP_CLIENTS = {16: ("http64", "snponly.efi")}
# With iPXE's own drivers for network cards, for firmware whose driver is no good.
NATIVE = {"undionly.kpxe": "ipxe.pxe", "snponly.efi": "ipxe.efi"}

HEAD = """\
# dnsmasq's rules for booting Tessera from the network.
# {what}
"""

COMMON = """\
port=0
log-dhcp
no-hosts
no-resolv
enable-tftp
tftp-root={tftp}

# iPXE, once loaded, says so, and gets its script by HTTP ...
dhcp-userclass=set:ipxe,iPXE
# ... all others the loader for what they are.
"""


def lease_range(address: ipaddress.IPv4Interface) -> tuple[str, str]:
    """The upper three quarters of a network: the rest stays free for fixed addresses."""
    network = address.network
    if network.num_addresses < 16:
        raise ServeError(f"the network {network} is too small to give addresses in; use --network A.B.C.D/16")
    first = network[network.num_addresses // 4]
    return str(first), str(network[-2])


@dataclass
class Segment:
    """A card that is served."""
    card: str
    address: ipaddress.IPv4Interface
    proxy: bool  # beside another DHCP server, which gives the addresses
    first: str = ""  # of the leases, without proxy
    last: str = ""
    own: bool = False  # a network that we made, where nobody has an address but from us


@dataclass
class Rules:
    tftp: str
    port: int
    segments: list[Segment] = field(default_factory=list)
    native: bool = False
    lease_minutes: int = 60
    leases: str = ""

    def loader(self, name: str) -> str:
        return NATIVE.get(name, name) if self.native else name

    def url(self, segment: Segment, path: str) -> str:
        port = "" if self.port == 80 else f":{self.port}"
        return f"http://{segment.address.ip}{port}/{path}"

    def text(self, what: str) -> str:
        lines = [HEAD.format(what=what) + COMMON.format(tftp=self.tftp)]
        lines += [f"dhcp-match=set:{tag},option:client-arch,{number}"
                  for number, (tag, _) in {**PXE_CLIENTS, **HTTP_CLIENTS}.items()]
        full = [segment for segment in self.segments if not segment.proxy]
        if full and all(segment.own for segment in full):
            # Looking whether somebody has an address already takes three seconds a machine.
            lines.append("no-ping")
        if self.leases:
            lines.append(f"dhcp-leasefile={self.leases}")
        for segment in self.segments:
            lines += ["", *(self.proxy(segment) if segment.proxy else self.full(segment))]
        return "\n".join(lines) + "\n"

    # dnsmasq gives each request a tag with its card's name.

    def full(self, segment: Segment) -> list[str]:
        card = segment.card
        lines = [f"# {card}: there is no other DHCP server",
                 f"interface={card}",
                 f"dhcp-range={segment.first},{segment.last},{segment.address.netmask},{self.lease_minutes}m",
                 # No way out and no names are offered: a machine with another card uses that one's.
                 f"dhcp-option=tag:{card},option:router",
                 f"dhcp-option=tag:{card},option:dns-server"]
        loaders = {tag: name for tag, name in PXE_CLIENTS.values()}
        lines += [f"dhcp-boot=tag:{card},tag:!ipxe,tag:{tag},{self.loader(name)}" for tag, name in loaders.items()]
        for tag, name in HTTP_CLIENTS.values():
            lines += [f"dhcp-option-force=tag:{card},tag:{tag},60,HTTPClient",
                      f"dhcp-boot=tag:{card},tag:!ipxe,tag:{tag},{self.url(segment, 'loaders/' + self.loader(name))}"]
        return lines + [self.script(segment)]

    def proxy(self, segment: Segment) -> list[str]:
        lines = [f"# {segment.card}: another DHCP server gives the addresses, this one only says what to boot",
                 f"interface={segment.card}",
                 f"dhcp-range={segment.address.network.network_address},proxy,{segment.address.netmask}"]
        lines += [f'pxe-service=tag:{segment.card},tag:!ipxe,{number},"Tessera",{self.loader(name)}'
                  for number, (_, name) in PXE_CLIENTS.items()]
        return lines + [self.script(segment)]

    def script(self, segment: Segment) -> str:
        # With the server's address: iPXE takes no proxy's answer without.
        return f"dhcp-boot=tag:{segment.card},tag:ipxe,{self.url(segment, 'boot.ipxe')},,{segment.address.ip}"
