// SPDX-License-Identifier: GPL-2.0-only
/* Socket pairs of all types: boundaries of messages, order, ends. */

#include "../away.h"

#include <sys/socket.h>

static void pair_of(int type, int s[2])
{
	SYS(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, s));
}

int main(void)
{
	int d[2], q[2], s[2];
	char text[300], got[300];
	struct iovec v[2] = { { got, 100 }, { got + 150, 100 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	away_fill(text, sizeof(text), 8);
	while (away_again()) {
		pair_of(SOCK_DGRAM, d);
		pair_of(SOCK_SEQPACKET, q);
		pair_of(SOCK_STREAM, s);
		CHECK_EQ(send(d[0], text, 120, 0), 120);
		CHECK_EQ(send(d[0], text, 7, 0), 7);
		CHECK_EQ(send(q[0], text, 200, 0), 200);
		CHECK_EQ(send(s[0], text, 200, 0), 200);
		CHECK_EQ(send(s[0], text + 200, 100, 0), 100);
		away_point("with messages in them");
		memset(got, 0, sizeof(got));
		CHECK_EQ(recvmsg(d[1], &m, 0), 120);
		CHECK_MEM(got, text, 100);
		CHECK_MEM(got + 150, text + 100, 20);
		CHECK_EQ(got[170], 0);
		CHECK_EQ(m.msg_flags, 0);
		CHECK_EQ(recv(d[1], got, 300, 0), 7);
		v[1].iov_len = 50;
		CHECK_EQ(recvmsg(q[1], &m, 0), 150);
		CHECK_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
		v[1].iov_len = 100;
		m.msg_flags = 0;
		CHECK_EQ(recv(s[1], got, 300, 0), 300);
		CHECK_MEM(got, text, 300);
		close(q[0]);
		close(s[0]);
		away_point("with the other ends closed");
		CHECK_EQ(recv(q[1], got, 10, 0), 0);
		CHECK_EQ(recv(s[1], got, 10, 0), 0);
		CHECK_ERRNO(send(s[1], got, 1, MSG_NOSIGNAL), EPIPE);
		CHECK_ERRNO(recv(d[1], got, 10, MSG_DONTWAIT), EAGAIN);
		close(d[0]);
		close(d[1]);
		close(q[1]);
		close(s[1]);
	}
	return away_pass();
}
