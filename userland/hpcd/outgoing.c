// SPDX-License-Identifier: GPL-2.0-only
/* Home's side of a move: connect, greet, ask, hand over to the engine. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "hpc.h"
#include "local.h"
#include "match.h"
#include "move.h"

static int why(char *ret_why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int why(char *ret_why, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(ret_why, HPCD_WHY_SIZE, format, ap);
	va_end(ap);
	return error;
}

static int broken(int error, char *ret_why)
{
	if (error == -ETIMEDOUT)
		return why(ret_why, error, "it does not answer");
	if (error == -ECONNRESET)
		return why(ret_why, error, "it closed the connection");
	if (error == -EBADMSG)
		return why(ret_why, error, "it does not speak this protocol");
	return why(ret_why, error, "the connection broke: %s", strerror(-error));
}

/* To the first of the node's addresses that answers. */
static int reach(const struct hpcd_mover *mover, uint32_t number, struct hpcd_channel *c,
		 char *ret_why)
{
	char text[HPC_ADDR_TEXT];
	struct hpc_node node;
	int fd = -EHOSTUNREACH, ret;
	uint32_t i;

	ret = hpc_node_get(mover->engine, number, &node);
	if (ret == -ENOENT)
		return why(ret_why, ret, "it is not in the node table (see showmap)");
	if (ret)
		return why(ret_why, ret, "reading the node table: %s", strerror(-ret));
	if (!node.naddrs)
		return why(ret_why, -EHOSTUNREACH, "the node table has no address of it");
	for (i = 0; i < node.naddrs && fd < 0; i++)
		fd = hpcd_connect(&node.addr[i], mover->port, HPCD_CONNECT_MS);
	if (fd < 0) {
		hpc_addr_format(&node.addr[node.naddrs - 1], NULL, text);
		return why(ret_why, fd, "connecting to %s: %s%s", text, strerror(-fd),
			   fd == -ECONNREFUSED ? " (no hpcd there)" : "");
	}
	ret = hpcd_channel_begin(c, fd, HPCD_HANDSHAKE_MS, mover->silence_s);
	return ret ? why(ret_why, ret, "setting up a socket: %s", strerror(-ret)) : 0;
}

static int refused(struct hpcd_channel *c, char *ret_why)
{
	struct hpcd_refusal r;

	if (hpcd_refuse_get(c->payload, c->header.length, &r))
		return broken(-EBADMSG, ret_why);
	return why(ret_why, -ECONNREFUSED, "it refuses: %s", r.text);
}

static int greet(struct hpcd_channel *c, const struct hpcd_hello *own, uint32_t number,
		 struct hpcd_hello *ret_its, char *ret_why)
{
	uint8_t message[HPCD_MESSAGE_MAX];
	char text[200];
	int ret;

	ret = hpcd_send_message(c, message, hpcd_hello_put(message, own));
	if (!ret)
		ret = hpcd_recv_message(c);
	if (ret)
		return broken(ret, ret_why);
	if (c->header.type == HPCD_REFUSE)
		return refused(c, ret_why);
	if (c->header.type != HPCD_HELLO)
		return broken(-EBADMSG, ret_why);
	ret = hpcd_hello_get(c->payload, c->header.length, ret_its);
	if (ret == -EPROTONOSUPPORT)
		return why(ret_why, ret, "it speaks version %u of the protocol, this node %d",
			   ret_its->version, HPCD_VERSION);
	if (ret)
		return broken(ret, ret_why);
	if (ret_its->node != number)
		return why(ret_why, -ENOTUNIQ, "who answers there is node %u", ret_its->node);
	if (hpcd_match_kernel(own, ret_its, text, sizeof(text)))
		return why(ret_why, -ENOTSUP, "%s", text);
	return 0;
}

static int tell_time(struct hpcd_channel *c, char *ret_why)
{
	uint8_t message[HPCD_MESSAGE_MAX];
	struct hpcd_instant now;
	struct hpcd_time t;
	int ret;

	ret = hpcd_clock_get(c->payload, c->header.length, &t.seq);
	if (!ret) {
		hpcd_instant_now(&now);
		t.monotonic = now.monotonic;
		t.boottime = now.boottime;
		ret = hpcd_send_message(c, message, hpcd_time_put(message, &t));
	}
	return ret ? broken(ret, ret_why) : 0;
}

static int await_accept(struct hpcd_channel *c, char *ret_why)
{
	int ret = 0;

	while (!ret) {
		ret = hpcd_recv_message(c);
		if (ret)
			return broken(ret, ret_why);
		switch (c->header.type) {
		case HPCD_CLOCK:
			ret = tell_time(c, ret_why);
			break;
		case HPCD_ACCEPT:
			ret = hpcd_accept_get(c->payload, c->header.length);
			return ret ? broken(ret, ret_why) : 0;
		case HPCD_REFUSE:
			return refused(c, ret_why);
		default:
			return broken(-EBADMSG, ret_why);
		}
	}
	return ret;
}

static int hand_over(const struct hpcd_mover *mover, struct hpcd_channel *c, pid_t pid,
		     uint32_t node, char *ret_why)
{
	char words[HPC_CANTMOVE_TEXT], *p;
	int ret = hpc_send(mover->engine, pid, c->fd, node);

	if (ret == -EBUSY && !hpc_cantmove(pid, words) && words[0]) {
		words[strlen(words) - 1] = '\0';
		for (p = words; *p; p++)
			if (*p == '\n')
				*p = ' ';
		return why(ret_why, ret, "it must stay where it is: %s", words);
	}
	if (ret == -EBUSY)
		return why(ret_why, ret, "a move is under way already");
	if (ret == -ESRCH)
		return why(ret_why, ret, "there is no such process any more");
	if (ret == -EPERM)
		return why(ret_why, ret, "it is no process of this node's own");
	return ret ? why(ret_why, ret, "asking the engine: %s", strerror(-ret)) : 0;
}

static int negotiate(const struct hpcd_mover *mover, struct hpcd_channel *c,
		     const struct hpcd_hello *own, const struct hpcd_request *request,
		     uint32_t node, char *ret_why)
{
	uint8_t message[HPCD_MESSAGE_MAX];
	struct hpcd_hello its;
	char text[200];
	int ret;

	ret = greet(c, own, node, &its, ret_why);
	if (ret)
		return ret;
	if (hpcd_match_process(own, &its, request->size, text, sizeof(text)))
		return why(ret_why, -ENOTSUP, "%s", text);
	ret = hpcd_send_message(c, message, hpcd_request_put(message, request));
	if (ret)
		return broken(ret, ret_why);
	ret = await_accept(c, ret_why);
	return ret ? ret : hand_over(mover, c, request->pid, node, ret_why);
}

/* As TCP has seen it during the handshake. */
static uint32_t round_trip(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_rtt;
}

int hpcd_move_out(const struct hpcd_mover *mover, pid_t pid, uint32_t node,
		  uint32_t *ret_rtt_us, char ret_why[HPCD_WHY_SIZE])
{
	struct hpcd_channel c = { .fd = -1 };
	struct hpcd_request request;
	struct hpcd_hello own;
	struct hpc_info info;
	int ret;

	*ret_rtt_us = 0;
	ret = hpcd_hello_make(mover->engine, &own);
	if (ret == -ENOTCONN)
		return why(ret_why, ret, "this machine is in no cluster");
	if (ret)
		return why(ret_why, ret, "finding out about this machine: %s", strerror(-ret));
	ret = hpcd_request_make(pid, &request);
	if (!ret)
		ret = hpc_info(mover->engine, pid, &info);
	if (ret == -ESRCH)
		return why(ret_why, ret, "there is no such process any more");
	if (ret == -EXDEV)
		return why(ret_why, ret, "the process lives in a container: its PID, host name "
			   "or clocks are not this machine's");
	if (ret)
		return why(ret_why, ret, "looking at the process: %s", strerror(-ret));
	if (info.flags & HPC_INFO_PORTABLE)
		hpcd_features_baseline(&own.features);
	ret = reach(mover, node, &c, ret_why);
	if (!ret)
		ret = negotiate(mover, &c, &own, &request, node, ret_why);
	if (!ret)
		*ret_rtt_us = round_trip(c.fd);
	if (c.fd >= 0)
		close(c.fd);
	return ret;
}
