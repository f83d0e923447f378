// SPDX-License-Identifier: GPL-2.0-only
/* Waiting in accept(2) and in connect(2), and being refused. */

#include "../away.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

static struct sockaddr_in at;

static void call(int fd, void *arg)
{
	int conn;

	(void)arg;
	for (;;) {
		away_hear(fd);
		away_moved();
		conn = SYS(socket(AF_INET, SOCK_STREAM, 0));
		SYS(connect(conn, (void *)&at, sizeof(at)));
		away_write(conn, "hello", 5);
		close(conn);
	}
}

int main(void)
{
	socklen_t len = sizeof(at);
	int listener, conn, helper;
	struct sockaddr_in peer;
	char got[10];

	at.sin_family = AF_INET;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	SYS(bind(listener, (void *)&at, sizeof(at)));
	SYS(listen(listener, 1));
	SYS(getsockname(listener, (void *)&at, &len));
	away_helper(call, NULL, &helper);
	while (away_again()) {
		away_tell(helper, 'c');
		away_call("waiting for a caller");
		len = sizeof(peer);
		conn = SYS(accept4(listener, (void *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
		away_helped();
		CHECK_EQ(len, sizeof(peer));
		CHECK_EQ(peer.sin_addr.s_addr, at.sin_addr.s_addr);
		CHECK_EQ(fcntl(conn, F_GETFD), FD_CLOEXEC);
		CHECK(SYS(fcntl(conn, F_GETFL)) & O_NONBLOCK);
		CHECK_EQ(poll(&(struct pollfd) { conn, POLLIN, 0 }, 1, 5000), 1);
		CHECK_EQ(read(conn, got, 10), 5);
		CHECK_MEM(got, "hello", 5);
		close(conn);
		/* Nobody listens there. */
		conn = SYS(socket(AF_INET, SOCK_STREAM, 0));
		peer.sin_port = htons(1);
		CHECK_ERRNO(connect(conn, (void *)&peer, sizeof(peer)), ECONNREFUSED);
		CHECK_ERRNO(connect(conn, (void *)&peer, 3), EINVAL);
		CHECK_ERRNO(listen(STDIN_FILENO, 1), ENOTSOCK);
		close(conn);
	}
	return away_pass();
}
