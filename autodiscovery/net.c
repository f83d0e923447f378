// SPDX-License-Identifier: GPL-2.0-only
/*
 * See net.h.  Link-local groups are those that switches pass on without having been
 * asked to; joining again every minute is for those that want to be asked.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

/* For -m: groups that routers may pass on. */
#define WIDE_GROUP4	"239.255.84.115"
#define WIDE_GROUP6	"ff05::5428"

#define RECEIVE_BYTES	(512 << 10)

enum { FD4, FD6, FD_CARDS };

/* --- sockets ------------------------------------------------------------------------------- */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static int udp_open(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* A thousand nodes may speak while we are not scheduled. */
	set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
	return fd;
}

static int udp4_open(unsigned int ttl)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(DISC_PORT) };
	int fd = udp_open(AF_INET);

	if (fd < 0)
		return fd;
	set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
	set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (bind(fd, (void *)&sin, sizeof(sin))) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static int udp6_open(unsigned int ttl)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(DISC_PORT) };
	int fd = udp_open(AF_INET6);

	if (fd < 0)
		return fd;
	set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl);
	set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (bind(fd, (void *)&sin6, sizeof(sin6))) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

static int cards_open(void)
{
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (void *)&nl, sizeof(nl))) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

int net_open(struct net *n)
{
	unsigned int i;

	n->fd[FD4].fd = udp4_open(n->ttl);
	n->fd[FD6].fd = udp6_open(n->ttl);
	n->fd[FD_CARDS].fd = cards_open();
	for (i = 0; i < NET_FDS; i++)
		n->fd[i].events = POLLIN;
	if (n->fd[FD_CARDS].fd < 0)
		return n->fd[FD_CARDS].fd;
	/* A kernel may lack one of the two. */
	return n->fd[FD4].fd < 0 && n->fd[FD6].fd < 0 ? n->fd[FD4].fd : 0;
}

void net_close(struct net *n)
{
	unsigned int i;

	for (i = 0; i < NET_FDS; i++)
		if (n->fd[i].fd >= 0)
			close(n->fd[i].fd);
}

/* --- groups -------------------------------------------------------------------------------- */

static void group4(const struct net *n, struct in_addr *ret_group)
{
	inet_pton(AF_INET, n->ttl > 1 ? WIDE_GROUP4 : DISC_GROUP4, ret_group);
}

static void group6(const struct net *n, struct in6_addr *ret_group)
{
	inet_pton(AF_INET6, n->ttl > 1 ? WIDE_GROUP6 : DISC_GROUP6, ret_group);
}

static bool member4(const struct net *n, const struct net_card *card, int option)
{
	struct ip_mreqn req = { .imr_ifindex = card->ifindex };

	group4(n, &req.imr_multiaddr);
	return n->fd[FD4].fd >= 0 && !setsockopt(n->fd[FD4].fd, IPPROTO_IP, option, &req, sizeof(req));
}

static bool member6(const struct net *n, const struct net_card *card, int option)
{
	struct ipv6_mreq req = { .ipv6mr_interface = card->ifindex };

	group6(n, &req.ipv6mr_multiaddr);
	return n->fd[FD6].fd >= 0 &&
	       !setsockopt(n->fd[FD6].fd, IPPROTO_IPV6, option, &req, sizeof(req));
}

static void card_join(const struct net *n, struct net_card *card)
{
	if (!card->joined4)
		card->joined4 = member4(n, card, IP_ADD_MEMBERSHIP);
	if (!card->joined6)
		card->joined6 = member6(n, card, IPV6_JOIN_GROUP);
}

static void card_leave(const struct net *n, struct net_card *card)
{
	if (card->joined4)
		member4(n, card, IP_DROP_MEMBERSHIP);
	if (card->joined6)
		member6(n, card, IPV6_LEAVE_GROUP);
	card->joined4 = card->joined6 = false;
}

void net_rejoin(struct net *n)
{
	unsigned int i;

	for (i = 0; i < n->ncards; i++) {
		card_leave(n, &n->card[i]);
		card_join(n, &n->card[i]);
	}
}

/* --- cards --------------------------------------------------------------------------------- */

static bool in_sysfs(const char *name, const char *what)
{
	char path[320];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, what);
	return !access(path, F_OK);
}

/* Those a person names are taken as they are; of the others wired ones, once. */
static bool card_wanted(const struct net *n, const struct ifaddrs *i)
{
	unsigned int flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST, k;

	if ((i->ifa_flags & flags) != flags)
		return false;
	for (k = 0; k < NET_CARDS && n->wanted[k]; k++)
		if (!strcmp(n->wanted[k], i->ifa_name))
			return true;
	return !k && !(i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) &&
	       !in_sysfs(i->ifa_name, "master") && !in_sysfs(i->ifa_name, "tun_flags");
}

static void card_add_addr(struct net_card *card, const struct sockaddr *sa)
{
	struct disc_addr a = { 0 };

	if (sa->sa_family == AF_INET) {
		a.family = 4;
		memcpy(a.addr, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
		card->has4 = true;
	} else {
		a.family = 6;
		memcpy(a.addr, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		card->has6 = true;
	}
	if (card->naddrs < DISC_ADDRS)
		card->addr[card->naddrs++] = a;
}

static struct net_card *card_find(struct net_card *cards, unsigned int n, const char *name)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strcmp(cards[i].name, name))
			return &cards[i];
	return NULL;
}

static unsigned int cards_list(const struct net *n, struct net_card cards[NET_CARDS])
{
	struct ifaddrs *all, *i;
	unsigned int found = 0;

	if (getifaddrs(&all))
		return 0;
	for (i = all; i; i = i->ifa_next) {
		struct net_card *card;

		if (!i->ifa_addr || !card_wanted(n, i) ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		card = card_find(cards, found, i->ifa_name);
		if (!card && found < NET_CARDS) {
			card = &cards[found++];
			memset(card, 0, sizeof(*card));
			snprintf(card->name, sizeof(card->name), "%s", i->ifa_name);
			card->ifindex = if_nametoindex(i->ifa_name);
		}
		if (card)
			card_add_addr(card, i->ifa_addr);
	}
	freeifaddrs(all);
	return found;
}

bool net_scan(struct net *n)
{
	struct net_card cards[NET_CARDS];
	unsigned int found = cards_list(n, cards), i;
	bool same = found == n->ncards;

	for (i = 0; i < n->ncards; i++) {
		struct net_card *new = card_find(cards, found, n->card[i].name);

		if (!new || new->ifindex != n->card[i].ifindex) {
			card_leave(n, &n->card[i]);
			same = false;
			continue;
		}
		new->joined4 = n->card[i].joined4;
		new->joined6 = n->card[i].joined6;
		same &= new->naddrs == n->card[i].naddrs &&
			!memcmp(new->addr, n->card[i].addr, sizeof(new->addr));
	}
	memcpy(n->card, cards, sizeof(cards[0]) * found);
	n->ncards = found;
	for (i = 0; i < found; i++)
		card_join(n, &n->card[i]);
	return !same;
}

bool net_told(struct net *n)
{
	char buf[8192];
	bool told = false;

	while (recv(n->fd[FD_CARDS].fd, buf, sizeof(buf), 0) > 0 || errno == ENOBUFS)
		told = true;
	return told;
}

void net_addresses(const struct net *n, struct disc_info *info)
{
	unsigned int family, i, k;

	info->naddrs = 0;
	memset(info->addr, 0, sizeof(info->addr));
	for (family = 4; family <= 6; family += 2)
		for (i = 0; i < n->ncards; i++)
			for (k = 0; k < n->card[i].naddrs; k++)
				if (n->card[i].addr[k].family == family && info->naddrs < DISC_ADDRS)
					info->addr[info->naddrs++] = n->card[i].addr[k];
}

/* --- packets ------------------------------------------------------------------------------- */

static bool send4(struct net *n, const struct net_card *card, const void *buf, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(DISC_PORT) };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct in_pktinfo info = { .ipi_ifindex = card->ifindex };

	group4(n, &to.sin_addr);
	control.header.cmsg_level = IPPROTO_IP;
	control.header.cmsg_type = IP_PKTINFO;
	control.header.cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	return sendmsg(n->fd[FD4].fd, &msg, 0) == (ssize_t)len;
}

static bool send6(struct net *n, const struct net_card *card, const void *buf, size_t len)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(DISC_PORT), .sin6_scope_id = card->ifindex,
	};

	group6(n, &to.sin6_addr);
	return sendto(n->fd[FD6].fd, buf, len, 0, (void *)&to, sizeof(to)) == (ssize_t)len;
}

void net_send(struct net *n, const struct disc_message *m, bool urgent)
{
	uint8_t buf[DISC_PACKET_MAX];
	int len = disc_encode(m, &n->key, buf, sizeof(buf));
	unsigned int i;

	for (i = 0; len > 0 && i < n->ncards; i++) {
		const struct net_card *card = &n->card[i];
		bool sent = false;

		if (card->has4 && n->fd[FD4].fd >= 0)
			sent = send4(n, card, buf, len);
		if (card->has6 && n->fd[FD6].fd >= 0 && (urgent || !sent))
			sent |= send6(n, card, buf, len);
		n->counts.unsent += !sent;
	}
}

static uint32_t origin_card(struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			return info.ipi_ifindex;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			return info.ipi6_ifindex;
		}
	}
	return 0;
}

static void origin_fill(struct disc_origin *from, const struct sockaddr_storage *ss, uint32_t ifindex)
{
	memset(from, 0, sizeof(*from));
	from->ifindex = ifindex;
	if (ss->ss_family == AF_INET) {
		from->family = 4;
		memcpy(from->addr, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	} else {
		from->family = 6;
		memcpy(from->addr, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
	}
}

static bool is_used(const struct net *n, uint32_t ifindex)
{
	unsigned int i;

	for (i = 0; i < n->ncards; i++)
		if (n->card[i].ifindex == ifindex)
			return true;
	return false;
}

int net_receive(struct net *n, unsigned int index, struct disc_message *ret_m, size_t *ret_len,
		struct disc_origin *ret_from)
{
	uint8_t buf[DISC_PACKET_MAX + 1];
	union {
		struct cmsghdr header;
		char bytes[256];
	} control;
	struct sockaddr_storage ss;
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct msghdr msg = {
		.msg_name = &ss, .msg_namelen = sizeof(ss), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(n->fd[index].fd, &msg, 0);
	uint32_t ifindex;
	int ret;

	if (len < 0)
		return errno == EINTR ? -EINTR : -EAGAIN;
	ifindex = origin_card(&msg);
	if (!is_used(n, ifindex))
		return -ENODEV;
	ret = disc_decode(buf, len, &n->key, ret_m);
	n->counts.strangers += ret == -ENOKEY;
	n->counts.forged += ret == -EKEYREJECTED;
	n->counts.malformed += ret == -EBADMSG || ret == -EPROTO;
	*ret_len = len;
	origin_fill(ret_from, &ss, ifindex);
	return ret;
}
