// SPDX-License-Identifier: GPL-2.0-only
/* Addresses of nodes: text, order, arithmetic. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "hpc.h"

static size_t addr_len(const struct hpc_addr *addr)
{
	return addr->family == AF_INET ? 4 : sizeof(addr->addr);
}

int hpc_addr_parse(const char *text, struct hpc_addr *ret_addr)
{
	static const int families[] = { AF_INET, AF_INET6 };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct hpc_addr a = { .family = families[i] };

		if (inet_pton(families[i], text, a.addr) == 1) {
			*ret_addr = a;
			return 0;
		}
	}
	return -EINVAL;
}

void hpc_addr_format(const struct hpc_addr *addr, const char *scope_name,
		     char text[HPC_ADDR_TEXT])
{
	size_t len;

	if (!inet_ntop(addr->family, addr->addr, text, HPC_ADDR_TEXT)) {
		snprintf(text, HPC_ADDR_TEXT, "?");
		return;
	}
	if (!addr->scope)
		return;
	len = strlen(text);
	if (scope_name)
		snprintf(text + len, HPC_ADDR_TEXT - len, "%%%s", scope_name);
	else
		snprintf(text + len, HPC_ADDR_TEXT - len, "%%%u", addr->scope);
}

int hpc_addr_compare(const struct hpc_addr *a, const struct hpc_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return memcmp(a->addr, b->addr, addr_len(a));
}

int hpc_addr_advance(const struct hpc_addr *addr, uint32_t n, struct hpc_addr *ret_addr)
{
	struct hpc_addr a = *addr;
	uint64_t carry = n;
	size_t i = addr_len(addr);

	while (i-- > 0) {
		carry += a.addr[i];
		a.addr[i] = carry & 0xff;
		carry >>= 8;
	}
	if (carry)
		return -ERANGE;
	*ret_addr = a;
	return 0;
}

static const char *unusable4(const uint8_t *a)
{
	if (a[0] == 0)
		return "is not an address of a machine";
	if (a[0] == 127)
		return "is a loopback address, which no other machine can reach";
	if (a[0] >= 224 && a[0] < 240)
		return "is a multicast address";
	if (a[0] >= 240)
		return "is not an address of a machine";
	return NULL;
}

const char *hpc_addr_unusable(const struct hpc_addr *addr)
{
	struct in6_addr in6;

	if (addr->family == AF_INET)
		return unusable4(addr->addr);
	if (addr->family != AF_INET6)
		return "is neither IPv4 nor IPv6";

	memcpy(&in6, addr->addr, sizeof(in6));
	if (IN6_IS_ADDR_LOOPBACK(&in6))
		return "is a loopback address, which no other machine can reach";
	if (IN6_IS_ADDR_UNSPECIFIED(&in6))
		return "is not an address of a machine";
	if (IN6_IS_ADDR_MULTICAST(&in6))
		return "is a multicast address";
	if (IN6_IS_ADDR_V4MAPPED(&in6) || IN6_IS_ADDR_V4COMPAT(&in6))
		return "is an IPv4 address in disguise: write it as a.b.c.d";
	if (IN6_IS_ADDR_LINKLOCAL(&in6) && !addr->scope)
		return "is a link-local address: write it with its interface, as in fe80::1%eth0";
	return NULL;
}
