// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors and credentials passed over a Unix socket, to and from a helper. */

#include "../away.h"

#include <fcntl.h>
#include <sys/socket.h>

union control {
	char			buf[CMSG_SPACE(4 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr		align;
};

static void send_fd(int s, int fd)
{
	union control c = {};
	struct iovec v = { "fd", 2 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c.buf,
			    .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(s, &m, 0), 2);
}

/* The descriptor; @who is filled in if credentials came with it. */
static int recv_fd(int s, int flags, struct ucred *who)
{
	union control c = {};
	char text[16];
	struct iovec v[2] = { { text, 1 }, { text + 1, 15 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_control = c.buf,
			    .msg_controllen = sizeof(c.buf) };
	struct cmsghdr *h;
	int fd = -1;

	CHECK_EQ(recvmsg(s, &m, flags), 2);
	CHECK_MEM(text, "fd", 2);
	CHECK_EQ(m.msg_flags & ~MSG_CMSG_CLOEXEC, 0);
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		CHECK_EQ(h->cmsg_level, SOL_SOCKET);
		if (h->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(h), sizeof(fd));
		else if (who)
			memcpy(who, CMSG_DATA(h), sizeof(*who));
	}
	CHECK(fd >= 0);
	return fd;
}

/* Takes a descriptor, writes into it, and sends one of its own back. */
static void swap(int s, void *arg)
{
	(void)arg;
	for (;;) {
		int fd, own;

		away_hear(s);
		fd = recv_fd(s, 0, NULL);
		away_write(fd, "helper", 6);
		close(fd);
		own = SYS(open("its", O_RDWR | O_CREAT | O_TRUNC, 0600));
		away_write(own, "own", 3);
		away_moved();
		send_fd(s, own);
		close(own);
	}
}

int main(void)
{
	int helper, fd, got_fd, one = 1;
	struct ucred who;
	char got[10];
	pid_t pid;

	pid = away_helper(swap, NULL, &helper);
	SYS(setsockopt(helper, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	while (away_again()) {
		fd = SYS(open("mine", O_RDWR | O_CREAT | O_TRUNC, 0600));
		away_point("before sending a descriptor");
		away_tell(helper, 's');
		send_fd(helper, fd);
		memset(&who, 0, sizeof(who));
		away_call("waiting for a descriptor");
		got_fd = recv_fd(helper, MSG_CMSG_CLOEXEC, &who);
		away_helped();
		CHECK_EQ(who.pid, pid);
		CHECK_EQ(fcntl(got_fd, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(pread(got_fd, got, 10, 0), 3);
		CHECK_MEM(got, "own", 3);
		CHECK_EQ(pread(fd, got, 10, 0), 6);
		CHECK_MEM(got, "helper", 6);
		close(got_fd);
		close(fd);
	}
	return away_pass();
}
