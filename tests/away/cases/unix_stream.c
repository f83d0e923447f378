// SPDX-License-Identifier: GPL-2.0-only
/* Unix stream sockets, by path and by abstract name, to a helper; credentials. */

#include "../away.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listen_at(const char *name, struct sockaddr_un *a, socklen_t *len)
{
	int s = SYS(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	*a = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(a->sun_path, name, name[0] ? strlen(name) + 1 : strlen(name + 1) + 1);
	*len = offsetof(struct sockaddr_un, sun_path) +
	       (name[0] ? strlen(name) + 1 : strlen(name + 1) + 1);
	SYS(bind(s, (void *)a, *len));
	SYS(listen(s, 3));
	return s;
}

static void serve(int fd, void *arg)
{
	int *s = arg, conn, i;
	char buf[1000];
	ssize_t n;

	(void)fd;
	for (i = 0;; i ^= 1) {
		conn = SYS(accept(s[i], NULL, NULL));
		while ((n = read(conn, buf, sizeof(buf))) > 0)
			away_write(conn, buf, n);
		close(conn);
	}
}

int main(void)
{
	struct sockaddr_un a[2], peer;
	char text[5000], got[5000];
	socklen_t len[2], plen;
	struct ucred who;
	int s[2], conn, i;
	pid_t pid;

	s[0] = listen_at("sock", &a[0], &len[0]);
	snprintf(got, sizeof(got), "%caway-%d", 0, getpid());
	s[1] = listen_at(got, &a[1], &len[1]);
	pid = away_helper(serve, s, NULL);
	CHECK(pid > 0);
	away_fill(text, sizeof(text), 6);
	while (away_again()) {
		for (i = 0; i < 2; i++) {
			conn = SYS(socket(AF_UNIX, SOCK_STREAM, 0));
			SYS(connect(conn, (void *)&a[i], len[i]));
			away_write(conn, text, 500);
			away_point("connected by name");
			away_write(conn, text + 500, sizeof(text) - 500);
			away_read(conn, got, sizeof(got));
			CHECK_MEM(got, text, sizeof(got));
			plen = sizeof(peer);
			SYS(getpeername(conn, (void *)&peer, &plen));
			CHECK_EQ(plen, len[i]);
			CHECK_MEM(&peer, &a[i], plen);
			plen = sizeof(who);
			SYS(getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &who, &plen));
			/* Of the one that called listen(2). */
			CHECK_EQ(who.pid, getpid());
			CHECK_EQ(who.uid, getuid());
			close(conn);
		}
	}
	return away_pass();
}
