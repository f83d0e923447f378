// SPDX-License-Identifier: GPL-2.0-only
/* Messages over TCP, each with a deadline. */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"

/* A peer that says nothing is asked after a third of the time, then in every sixth. */
#define IDLE_SHARE	3
#define INTERVAL_SHARE	6
#define PROBES		3

#define FINISH_MS		1000

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

int hpcd_channel_begin(struct hpcd_channel *c, int fd, int timeout_ms, int silence_s)
{
	int ret;

	c->fd = fd;
	c->deadline = hpcd_now_ms() + timeout_ms;
	ret = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (!ret)
		ret = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (!ret)
		ret = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, silence_s / IDLE_SHARE);
	if (!ret)
		ret = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, silence_s / INTERVAL_SHARE);
	if (!ret)
		ret = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	if (!ret)
		ret = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, silence_s * 1000);
	return ret;
}

static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int n;

	do {
		left = deadline - hpcd_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

static socklen_t sockaddr_fill(const struct hpc_addr *addr, uint16_t port,
			       struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in *in = (void *)ret_sa;
	struct sockaddr_in6 *in6 = (void *)ret_sa;

	memset(ret_sa, 0, sizeof(*ret_sa));
	port = htons(addr->port ? addr->port : port);
	if (addr->family == AF_INET) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		memcpy(&in->sin_addr, addr->addr, sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = port;
	in6->sin6_scope_id = addr->scope;
	memcpy(&in6->sin6_addr, addr->addr, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

static int connect_wait(int fd, const struct sockaddr *sa, socklen_t len, int timeout_ms)
{
	int64_t deadline = hpcd_now_ms() + timeout_ms;
	int ret;

	if (!connect(fd, sa, len))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	ret = wait_for(fd, POLLOUT, deadline);
	if (ret)
		return ret;
	/* The second call tells how it went, and lets the socket know it is connected. */
	return connect(fd, sa, len) && errno != EISCONN ? -errno : 0;
}

int hpcd_connect(const struct hpc_addr *addr, uint16_t port, int timeout_ms)
{
	struct sockaddr_storage sa;
	socklen_t len = sockaddr_fill(addr, port, &sa);
	int fd, ret;

	fd = socket(addr->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect_wait(fd, (const struct sockaddr *)&sa, len, timeout_ms);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int hpcd_send_message(struct hpcd_channel *c, const uint8_t *message, size_t len)
{
	ssize_t n;
	int ret;

	while (len) {
		n = send(c->fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0) {
			message += n;
			len -= n;
			continue;
		}
		if (errno == EPIPE)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		ret = wait_for(c->fd, POLLOUT, c->deadline);
		if (ret)
			return ret;
	}
	return 0;
}

static int recv_exact(struct hpcd_channel *c, uint8_t *buf, size_t len)
{
	ssize_t n;
	int ret;

	while (len) {
		n = recv(c->fd, buf, len, MSG_DONTWAIT);
		if (n > 0) {
			buf += n;
			len -= n;
			continue;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		ret = wait_for(c->fd, POLLIN, c->deadline);
		if (ret)
			return ret;
	}
	return 0;
}

int hpcd_recv_message(struct hpcd_channel *c)
{
	uint8_t header[HPCD_HEADER_SIZE];
	int ret;

	ret = recv_exact(c, header, sizeof(header));
	if (!ret)
		ret = hpcd_header_get(header, &c->header);
	return ret ? ret : recv_exact(c, c->payload, c->header.length);
}

void hpcd_channel_finish(struct hpcd_channel *c)
{
	int64_t deadline = hpcd_now_ms() + FINISH_MS;
	uint8_t rest[256];

	if (shutdown(c->fd, SHUT_WR))
		return;
	while (!wait_for(c->fd, POLLIN, deadline) &&
	       recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
}
