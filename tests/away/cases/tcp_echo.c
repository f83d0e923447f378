// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection to a helper that sends everything back, in pieces of all sizes. */

#include "../away.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SIZE 300000

static void echo(int fd, void *arg)
{
	int listener = *(int *)arg, conn;
	static char buf[SIZE];
	ssize_t n;

	(void)fd;
	for (;;) {
		conn = SYS(accept(listener, NULL, NULL));
		while ((n = read(conn, buf, sizeof(buf))) > 0)
			away_write(conn, buf, n);
		close(conn);
	}
}

int main(void)
{
	static const size_t sizes[] = { 1, 100, 1448, 16384, 65537, SIZE };
	struct sockaddr_in a = { .sin_family = AF_INET }, peer;
	char *out = PTR(malloc(SIZE)), *in = PTR(malloc(SIZE));
	socklen_t len = sizeof(a), plen;
	int listener, conn = -1;
	size_t i;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = SYS(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	SYS(bind(listener, (void *)&a, sizeof(a)));
	SYS(listen(listener, 5));
	SYS(getsockname(listener, (void *)&a, &len));
	away_helper(echo, &listener, NULL);
	while (away_again()) {
		conn = SYS(socket(AF_INET, SOCK_STREAM, 0));
		SYS(connect(conn, (void *)&a, sizeof(a)));
		away_point("connected");
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			away_fill(out, sizes[i], i);
			CHECK_EQ(send(conn, out, sizes[i], 0), sizes[i]);
			CHECK_EQ(recv(conn, in, sizes[i], MSG_WAITALL), sizes[i]);
			CHECK_MEM(in, out, sizes[i]);
		}
		away_write(conn, "on its way", 10);
		away_point("with an answer on its way");
		CHECK_EQ(recv(conn, in, 10, MSG_PEEK | MSG_WAITALL), 10);
		away_read(conn, in, 10);
		CHECK_MEM(in, "on its way", 10);
		plen = sizeof(peer);
		SYS(getpeername(conn, (void *)&peer, &plen));
		CHECK_EQ(plen, sizeof(peer));
		CHECK_EQ(peer.sin_port, a.sin_port);
		SYS(shutdown(conn, SHUT_WR));
		CHECK_EQ(read(conn, in, 10), 0);
		CHECK_ERRNO(send(conn, "x", 1, MSG_NOSIGNAL), EPIPE);
		close(conn);
	}
	return away_pass();
}
