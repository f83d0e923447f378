/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets in and out: which cards, which addresses, which groups.
 *
 * Sends by every usable card, in IPv4 where the card has an IPv4 address and in
 * IPv6 otherwise; news goes both ways.  Listens to both everywhere.
 */
#ifndef TESSERA_DISC_NET_H
#define TESSERA_DISC_NET_H

#include <poll.h>

#include "peers.h"

#define NET_CARDS	16
#define NET_FDS		3

struct net_card {
	char name[16];
	uint32_t ifindex;
	bool has4, has6;
	bool joined4, joined6;
	struct disc_addr addr[DISC_ADDRS];
	uint8_t naddrs;
};

struct net_counts {
	uint64_t strangers;	/* packets of other clusters */
	uint64_t forged;	/* with a wrong MAC */
	uint64_t malformed;
	uint64_t unsent;	/* a card refused them */
};

struct net {
	struct pollfd fd[NET_FDS];	/* IPv4, IPv6, news of cards */
	struct disc_key key;
	unsigned int ttl;
	const char *wanted[NET_CARDS];	/* NULL after the last; none: all usable ones */
	struct net_card card[NET_CARDS];
	unsigned int ncards;
	struct net_counts counts;
};

/* @wanted and @ttl, @key are set by the caller before. */
int net_open(struct net *n);
void net_close(struct net *n);

/* Looks at the cards again; true: something is another way than before. */
bool net_scan(struct net *n);
/* Reads what the kernel told of cards; true: look again. */
bool net_told(struct net *n);
/* Leaves and joins all groups, so that switches hear of it. */
void net_rejoin(struct net *n);
/* All addresses, those to try first in front. */
void net_addresses(const struct net *n, struct disc_info *info);

void net_send(struct net *n, const struct disc_message *m, bool urgent);
/* An authentic packet of @index.  -EAGAIN: no more; other errors: ignore it. */
int net_receive(struct net *n, unsigned int index, struct disc_message *ret_m, size_t *ret_len,
		struct disc_origin *ret_from);

#endif
