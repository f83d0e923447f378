// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams to and from a helper: addresses, truncation, waiting. */

#include "../away.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

static int bound(struct sockaddr_in *a)
{
	socklen_t len = sizeof(*a);
	int s = SYS(socket(AF_INET, SOCK_DGRAM, 0));

	*a = (struct sockaddr_in) { .sin_family = AF_INET };
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	SYS(bind(s, (void *)a, len));
	SYS(getsockname(s, (void *)a, &len));
	return s;
}

/* Sends back, with an A before it; 'w': when the move is over. */
static void answer(int fd, void *arg)
{
	int s = *(int *)arg;
	struct sockaddr_in from;
	char buf[2001] = "A";
	socklen_t len;
	ssize_t n;

	(void)fd;
	for (;;) {
		len = sizeof(from);
		n = SYS(recvfrom(s, buf + 1, 2000, 0, (void *)&from, &len));
		if (buf[1] == 'w')
			away_moved();
		CHECK_EQ(sendto(s, buf, n + 1, 0, (void *)&from, len), n + 1);
	}
}

int main(void)
{
	struct sockaddr_in mine, its, from;
	int s = bound(&mine), other = bound(&its);
	char text[1500], got[2000];
	socklen_t len;

	away_fill(text, sizeof(text), 3);
	text[0] = 't';
	away_helper(answer, &other, NULL);
	while (away_again()) {
		CHECK_EQ(sendto(s, text, sizeof(text), 0, (void *)&its, sizeof(its)), sizeof(text));
		CHECK_EQ(sendto(s, text, 10, 0, (void *)&its, sizeof(its)), 10);
		away_point("with datagrams under way");
		len = sizeof(from);
		CHECK_EQ(recvfrom(s, got, sizeof(got), 0, (void *)&from, &len), sizeof(text) + 1);
		CHECK_EQ(len, sizeof(from));
		CHECK_EQ(from.sin_port, its.sin_port);
		CHECK_EQ(got[0], 'A');
		CHECK_MEM(got + 1, text, sizeof(text));
		/* The rest of a datagram is lost, and its whole length told if asked for. */
		memset(got, '#', sizeof(got));
		CHECK_EQ(recv(s, got, 4, MSG_TRUNC), 11);
		CHECK_MEM(got + 1, text, 3);
		CHECK_EQ(got[4], '#');
		CHECK_ERRNO(recv(s, got, 10, MSG_DONTWAIT), EAGAIN);
		CHECK_EQ(sendto(s, "wait", 4, 0, (void *)&its, sizeof(its)), 4);
		away_call("waiting for a datagram");
		CHECK_EQ(recv(s, got, sizeof(got), 0), 5);
		away_helped();
		CHECK_MEM(got, "Await", 5);
	}
	return away_pass();
}
