// SPDX-License-Identifier: GPL-2.0-only
/* Socket options: set, read back, wrong ones refused; a receive time limit works. */

#include "../away.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

static int get(int s, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	SYS(getsockopt(s, level, name, &value, &len));
	CHECK_EQ(len, sizeof(int));
	return value;
}

int main(void)
{
	int one = 1, zero = 0, small = 7000, s, pair[2];
	struct timeval limit = { 0, 300000 }, got;
	struct linger l = { 1, 13 }, gl;
	socklen_t len;
	int64_t began;
	char c;

	SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	while (away_again()) {
		s = SYS(socket(AF_INET, SOCK_STREAM, 0));
		SYS(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
		SYS(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
		SYS(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
		SYS(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
		away_point("with options set");
		CHECK_EQ(get(s, SOL_SOCKET, SO_REUSEADDR), 1);
		CHECK_EQ(get(s, SOL_SOCKET, SO_RCVBUF), 2 * small);
		CHECK_EQ(get(s, IPPROTO_TCP, TCP_NODELAY), 1);
		CHECK_EQ(get(s, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
		CHECK_EQ(get(s, SOL_SOCKET, SO_ERROR), 0);
		len = sizeof(gl);
		SYS(getsockopt(s, SOL_SOCKET, SO_LINGER, &gl, &len));
		CHECK_EQ(gl.l_linger, 13);
		SYS(setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &zero, sizeof(zero)));
		CHECK_EQ(get(s, IPPROTO_TCP, TCP_NODELAY), 0);
		len = 2;
		/* Cut to the room there is. */
		SYS(getsockopt(s, SOL_SOCKET, SO_LINGER, &gl, &len));
		CHECK_EQ(len, 2);
		CHECK_ERRNO(setsockopt(s, SOL_SOCKET, 9999, &one, sizeof(one)), ENOPROTOOPT);
		CHECK_ERRNO(getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &one, &len), ENOTSOCK);
		one = 1;
		SYS(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
		len = sizeof(got);
		SYS(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
		CHECK_IN(got.tv_usec, 296000, 304000);
		began = away_now(CLOCK_MONOTONIC);
		CHECK_ERRNO(recv(pair[0], &c, 1, 0), EAGAIN);
		CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 300 * MS - SKEW, 310 * MS + LATE);
		close(s);
	}
	return away_pass();
}
