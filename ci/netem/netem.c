// SPDX-License-Identifier: GPL-2.0-only
/*
 * netem INTERFACE DELAY_US JITTER_US LOSS: the kernel's netem for what an
 * emulated node sends.  LOSS is a probability; all three 0 take netem away.
 *
 * The driver copies this static program into a node when it is first wanted,
 * since the node image has no tc.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_FRAMES 10000
#define ROOT_HANDLE 0x10000u

struct request {
	struct nlmsghdr head;
	struct tcmsg tc;
	char attributes[256];
};

struct answer {
	struct nlmsghdr head;
	struct nlmsgerr error;
};

static void *add_attribute(struct request *r, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static struct request make_request(unsigned short type, unsigned short flags, int interface)
{
	return (struct request){
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)), .nlmsg_type = type,
			  .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags) },
		.tc = { .tcm_family = AF_UNSPEC, .tcm_ifindex = interface,
			.tcm_parent = TC_H_ROOT, .tcm_handle = ROOT_HANDLE },
	};
}

/* 0 or -errno, as the kernel answers. */
static int ask(struct request *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), result = -EPROTO;
	struct answer a;

	if (fd < 0 || send(fd, r, r->head.nlmsg_len, 0) < 0)
		result = -errno;
	else if (recv(fd, &a, sizeof(a), 0) >= (ssize_t)sizeof(a.head) + 4 &&
		 a.head.nlmsg_type == NLMSG_ERROR)
		result = a.error.error;
	if (fd >= 0)
		close(fd);
	return result;
}

static int take_away(int interface)
{
	struct request r = make_request(RTM_DELQDISC, 0, interface);
	int result = ask(&r);

	/* A root of another kind: there is no netem of ours. */
	return result == -ENOENT || result == -EINVAL ? 0 : result;
}

static int put_on(int interface, double delay_us, double jitter_us, double loss)
{
	struct request r = make_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, interface);
	struct tc_netem_qopt options = { .limit = LIMIT_FRAMES,
					 .loss = (uint32_t)(loss * UINT32_MAX) };
	int64_t delay_ns = (int64_t)(delay_us * 1000), jitter_ns = (int64_t)(jitter_us * 1000);
	struct rtattr *nest;

	add_attribute(&r, TCA_KIND, "netem", sizeof("netem"));
	nest = add_attribute(&r, TCA_OPTIONS, &options, sizeof(options));
	add_attribute(&r, TCA_NETEM_LATENCY64, &delay_ns, sizeof(delay_ns));
	add_attribute(&r, TCA_NETEM_JITTER64, &jitter_ns, sizeof(jitter_ns));
	nest->rta_len = (unsigned short)((char *)&r + r.head.nlmsg_len - (char *)nest);
	return ask(&r);
}

static int parse(const char *text, double max, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end == text || *end || !(*ret >= 0 && *ret <= max) ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	double delay_us, jitter_us, loss;
	int interface, r;

	if (argc != 5 || parse(argv[2], 1e9, &delay_us) || parse(argv[3], 1e9, &jitter_us) ||
	    parse(argv[4], 1, &loss)) {
		fputs("usage: netem INTERFACE DELAY_US JITTER_US LOSS\n", stderr);
		return 2;
	}
	interface = (int)if_nametoindex(argv[1]);
	if (!interface) {
		fprintf(stderr, "netem: no interface '%s'\n", argv[1]);
		return 1;
	}
	r = delay_us > 0 || jitter_us > 0 || loss > 0 ? put_on(interface, delay_us, jitter_us, loss)
						       : take_away(interface);
	if (r) {
		fprintf(stderr, "netem: '%s': %s\n", argv[1], strerror(-r));
		return 1;
	}
	return 0;
}
