// SPDX-License-Identifier: GPL-2.0-only
/* The target's side of a move: greet, hear, measure the clocks, take in or refuse. */

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "container.h"
#include "hpc.h"
#include "local.h"
#include "match.h"
#include "move.h"

/**
 * struct visit - one connection that came in
 * @mover:	what we have
 * @c:		the connection
 * @own, @its:	both HELLOs
 * @why:	in case of failure, for our own log
 */
struct visit {
	const struct hpcd_mover *mover;
	struct hpcd_channel c;
	struct hpcd_hello own, its;
	char *why;
};

static int say(struct visit *v, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int say(struct visit *v, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->why, HPCD_WHY_SIZE, format, ap);
	va_end(ap);
	return error;
}

static int refuse(struct visit *v, enum hpcd_reason reason, const char *text)
{
	struct hpcd_refusal r = { .reason = reason };
	uint8_t message[HPCD_MESSAGE_MAX];

	snprintf(r.text, sizeof(r.text), "%s", text);
	/* If it cannot be said, the end of the connection says enough. */
	if (!hpcd_send_message(&v->c, message, hpcd_refuse_put(message, &r)))
		hpcd_channel_finish(&v->c);
	return say(v, -ECONNREFUSED, "refused: %s", r.text);
}

static int peer_address(int fd, struct hpc_addr *ret_addr)
{
	struct sockaddr_storage sa;
	const struct sockaddr_in *in = (const void *)&sa;
	const struct sockaddr_in6 *in6 = (const void *)&sa;
	struct hpc_addr a = { 0 };
	socklen_t len = sizeof(sa);

	if (getpeername(fd, (struct sockaddr *)&sa, &len))
		return -errno;
	a.family = sa.ss_family;
	if (sa.ss_family == AF_INET) {
		memcpy(a.addr, &in->sin_addr, sizeof(in->sin_addr));
	} else {
		memcpy(a.addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
		a.scope = in6->sin6_scope_id;
	}
	*ret_addr = a;
	return 0;
}

/* Whoever is not in the table, at this address, gets nothing here. */
static int check_peer(struct visit *v)
{
	char text[200], where[HPC_ADDR_TEXT];
	struct hpc_addr addr;
	struct hpc_node node;
	int ret;

	ret = peer_address(v->c.fd, &addr);
	if (ret)
		return say(v, ret, "who connected is gone: %s", strerror(-ret));
	hpc_addr_format(&addr, NULL, where);
	ret = hpc_node_get(v->mover->engine, v->its.node, &node);
	if (ret || v->its.node == v->own.node || !hpcd_match_address(&node, &addr)) {
		snprintf(text, sizeof(text), "node %u at %s is not in node %u's table",
			 v->its.node, where, v->own.node);
		return refuse(v, HPCD_R_UNKNOWN, text);
	}
	if (hpcd_match_kernel(&v->own, &v->its, text, sizeof(text)))
		return refuse(v, HPCD_R_KERNEL, text);
	if (!hpc_node_get(v->mover->engine, v->own.node, &node) &&
	    (node.status & HPC_NODE_BLOCK))
		return refuse(v, HPCD_R_BUSY, "it takes no guests (mosctl noblock lets them in)");
	return 0;
}

static int greet(struct visit *v)
{
	uint8_t message[HPCD_MESSAGE_MAX];
	char text[100];
	int ret;

	ret = hpcd_hello_make(v->mover->engine, &v->own);
	if (ret == -ENOTCONN)
		return refuse(v, HPCD_R_UNKNOWN, "this machine is in no cluster");
	if (ret)
		return refuse(v, HPCD_R_FAILED, "it cannot find out about itself");
	ret = hpcd_send_message(&v->c, message, hpcd_hello_put(message, &v->own));
	if (!ret)
		ret = hpcd_recv_message(&v->c);
	if (!ret && v->c.header.type != HPCD_HELLO)
		ret = -EBADMSG;
	if (!ret)
		ret = hpcd_hello_get(v->c.payload, v->c.header.length, &v->its);
	if (ret == -EPROTONOSUPPORT) {
		snprintf(text, sizeof(text), "it speaks version %d of the protocol, node %u %u",
			 HPCD_VERSION, v->its.node, v->its.version);
		return refuse(v, HPCD_R_VERSION, text);
	}
	if (ret)
		return say(v, ret, "no greeting: %s", strerror(-ret));
	return check_peer(v);
}

static int hear_request(struct visit *v, struct hpcd_request *ret_request)
{
	int ret = hpcd_recv_message(&v->c);

	if (ret == -ECONNRESET)
		return say(v, ret, "it changed its mind");
	if (!ret && v->c.header.type != HPCD_REQUEST)
		ret = -EBADMSG;
	if (!ret)
		ret = hpcd_request_get(v->c.payload, v->c.header.length, ret_request);
	return ret ? say(v, ret, "no request: %s", strerror(-ret)) : 0;
}

static int measure_clocks(struct visit *v, struct hpcd_offsets *ret_offsets)
{
	struct hpcd_offsets offsets = { 0 };
	uint8_t message[HPCD_MESSAGE_MAX];
	struct hpcd_instant asked;
	struct hpcd_time t;
	uint32_t seq;
	int ret = 0;

	for (seq = 1; !ret && seq <= HPCD_CLOCK_QUESTIONS; seq++) {
		hpcd_instant_now(&asked);
		ret = hpcd_send_message(&v->c, message, hpcd_clock_put(message, seq));
		if (!ret)
			ret = hpcd_recv_message(&v->c);
		if (!ret && v->c.header.type != HPCD_TIME)
			ret = -EBADMSG;
		if (!ret)
			ret = hpcd_time_get(v->c.payload, v->c.header.length, &t);
		if (!ret && t.seq != seq)
			ret = -EBADMSG;
		if (!ret)
			hpcd_offsets_learn(&offsets, &asked, &(struct hpcd_instant) {
				.monotonic = t.monotonic, .boottime = t.boottime });
	}
	if (ret)
		return say(v, ret, "no answer about its clocks: %s", strerror(-ret));
	*ret_offsets = offsets;
	return 0;
}

static int take_in(struct visit *v, const struct hpcd_request *request)
{
	struct hpcd_arrival a = {
		.engine = v->mover->engine, .node = v->its.node, .available = v->own.mem,
		.linger_ms = v->mover->linger_ms,
		.request = { .magic = HPCD_KEEPER_MAGIC, .pid = request->pid },
	};
	char text[200];
	int ret;

	memcpy(a.boot_id, v->its.boot_id, sizeof(a.boot_id));
	memcpy(a.request.host, request->host, sizeof(a.request.host));
	memcpy(a.request.domain, request->domain, sizeof(a.request.domain));
	ret = measure_clocks(v, &a.request.offsets);
	if (ret)
		return ret;
	ret = hpcd_container_enter(&a, v->c.fd, text, sizeof(text));
	if (ret)
		return refuse(v, ret == -EEXIST ? HPCD_R_BUSY : HPCD_R_FAILED, text);
	return 0;
}

static int host(struct visit *v)
{
	struct hpcd_request request;
	char text[200];
	enum hpcd_reason reason;
	int ret;

	ret = greet(v);
	if (!ret)
		ret = hear_request(v, &request);
	if (ret)
		return ret;
	/* Home has looked at this too; but it is our memory. */
	reason = hpcd_match_process(&v->its, &v->own, request.size, text, sizeof(text));
	return reason ? refuse(v, reason, text) : take_in(v, &request);
}

int hpcd_move_in(const struct hpcd_mover *mover, int sock, uint32_t *ret_node,
		 char ret_why[HPCD_WHY_SIZE])
{
	struct visit v = { .mover = mover, .why = ret_why };
	int ret;

	ret = hpcd_channel_begin(&v.c, sock, HPCD_HANDSHAKE_MS, mover->silence_s);
	ret = ret ? say(&v, ret, "setting up a socket: %s", strerror(-ret)) : host(&v);
	*ret_node = v.its.node;
	return ret;
}
