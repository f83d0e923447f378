// SPDX-License-Identifier: GPL-2.0-only
/*
 * tessera-agent: runs commands and copies files for whoever drives this
 * emulated node, over a virtio-serial port that only an emulator can offer.
 *
 * It listens on no network.  Without the port it ends at once, so it may be
 * started everywhere.  See proto.h for what goes over the wire.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "codec.h"
#include "port.h"
#include "session.h"

#define UNSURE_MS	1000

static struct agent_decoder decoder;

static void lose_host(void)
{
	session_close_all();
	port_discard();
	agent_decoder_reset(&decoder);
}

static void greet(const struct agent_frame *f)
{
	uint8_t reply[AGENT_HELLO_SIZE], nonce[AGENT_NONCE_SIZE];
	uint32_t version;

	session_close_all();
	port_discard();
	if (agent_parse_hello(f, &version, nonce))
		return;
	/* Ours is told even to a host that speaks another: it then can say so. */
	agent_set32(reply, AGENT_VERSION);
	memcpy(reply + 4, nonce, sizeof(nonce));
	port_send(AGENT_HELLO, 0, reply, sizeof(reply));
}

static void take_bytes(const uint8_t *data, size_t len)
{
	struct agent_frame frame;
	size_t used;

	while (len) {
		int r = agent_decode(&decoder, data, len, &used, &frame);

		data += used;
		len -= used;
		if (r < 0)
			lose_host();
		else if (r && frame.type == AGENT_HELLO)
			greet(&frame);
		else if (r)
			session_frame(&frame);
	}
	session_run();	/* so that input of many frames finds room */
}


/*
 * A port whose host is gone is "hung up" all the time, so only changes of its
 * state may wake us: it is watched edge-triggered, in an epoll of its own.
 */
static int watch_port(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -1;
	return ep;
}

static int watch_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(int port)
{
	static struct pollfd fds[2 + SESSIONS_MAX * SESSION_POLLFDS];
	enum port_state state = PORT_DRY;
	struct signalfd_siginfo info;
	struct epoll_event ev;

	fds[0] = (struct pollfd){ .fd = watch_port(port), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = watch_children(), .events = POLLIN };
	if (fds[0].fd < 0 || fds[1].fd < 0)
		return -errno;
	for (;;) {
		size_t n = 2 + session_pollfds(fds + 2);
		int timeout = session_timeout_ms();

		if (state == PORT_UNSURE && (timeout < 0 || timeout > UNSURE_MS))
			timeout = UNSURE_MS;
		if (poll(fds, n, timeout) < 0 && errno != EINTR)
			return -errno;
		while (read(fds[1].fd, &info, sizeof(info)) == sizeof(info))
			session_reap();
		if (epoll_wait(fds[0].fd, &ev, 1, 0) > 0 || state == PORT_UNSURE) {
			state = port_read(port, take_bytes);
			if (state == PORT_GONE)
				lose_host();
		}
		session_run();
		port_flush(port);
		if (port_overflowed())
			lose_host();
	}
}

int main(int argc, char **argv)
{
	int port, r;

	if (argc > 1) {
		bool help = !strcmp(argv[1], "--help");

		fprintf(help ? stdout : stderr,
			"usage: tessera-agent\n"
			"Serves commands and file copies over the virtio-serial port\n"
			"'" AGENT_PORT_NAME "'; ends at once if there is none.\n");
		return help ? 0 : 2;
	}
	port = port_open();
	if (port == -ENOENT)
		return 0;
	if (port < 0) {
		fprintf(stderr, "tessera-agent: cannot open port '" AGENT_PORT_NAME "': %s\n",
			strerror(-port));
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	agent_decoder_reset(&decoder);
	r = serve(port);
	fprintf(stderr, "tessera-agent: waiting for events failed: %s\n", strerror(-r));
	return 1;
}
