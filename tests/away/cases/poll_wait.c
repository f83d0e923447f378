// SPDX-License-Identifier: GPL-2.0-only
/* poll(2) and select(2) while a helper makes things ready. */

#include "../away.h"

#include <poll.h>
#include <sys/select.h>

static void write_later(int fd, void *arg)
{
	(void)arg;
	for (;;) {
		away_hear(fd);
		away_moved();
		away_tell(fd, 'x');
	}
}

int main(void)
{
	int helper, full[2], empty[2];
	struct pollfd p[5];
	fd_set in, out, err;
	struct timeval t;

	away_helper(write_later, NULL, &helper);
	SYS(pipe(full));
	SYS(pipe(empty));
	away_write(full[1], "data", 4);
	while (away_again()) {
		p[0] = (struct pollfd) { .fd = helper, .events = POLLIN };
		p[1] = (struct pollfd) { .fd = empty[0], .events = POLLIN };
		p[2] = (struct pollfd) { .fd = -1, .events = POLLIN, .revents = 77 };
		p[3] = (struct pollfd) { .fd = empty[0], .events = POLLOUT };
		away_tell(helper, 'w');
		away_call("in poll");
		CHECK_EQ(poll(p, 4, -1), 1);
		away_helped();
		CHECK_EQ(p[0].revents, POLLIN);
		CHECK_EQ(p[1].revents, 0);
		CHECK_EQ(p[2].revents, 0);
		CHECK_EQ(p[3].revents, 0);
		CHECK_EQ(away_hear(helper), 'x');
		p[1] = (struct pollfd) { .fd = full[0], .events = POLLIN | POLLOUT };
		p[2] = (struct pollfd) { .fd = 300, .events = POLLIN };
		p[3] = (struct pollfd) { .fd = empty[1], .events = POLLOUT };
		CHECK_EQ(poll(p, 4, 1000), 3);
		CHECK_EQ(p[0].revents, 0);
		CHECK_EQ(p[1].revents, POLLIN);
		CHECK_EQ(p[2].revents, POLLNVAL);
		CHECK_EQ(p[3].revents, POLLOUT);

		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_ZERO(&err);
		FD_SET(helper, &in);
		FD_SET(empty[0], &in);
		FD_SET(empty[0], &err);
		away_tell(helper, 'w');
		away_call("in select");
		CHECK_EQ(select(empty[1] + 1, &in, &out, &err, NULL), 1);
		away_helped();
		CHECK(FD_ISSET(helper, &in));
		CHECK(!FD_ISSET(empty[0], &in));
		CHECK(!FD_ISSET(empty[0], &err));
		CHECK_EQ(away_hear(helper), 'x');
		FD_SET(empty[0], &in);
		FD_SET(empty[1], &out);
		FD_SET(full[0], &in);
		t = (struct timeval) { 5, 0 };
		CHECK_EQ(select(empty[1] + 1, &in, &out, NULL, &t), 2);
		CHECK(FD_ISSET(full[0], &in));
		CHECK(FD_ISSET(empty[1], &out));
		CHECK(!FD_ISSET(helper, &in));
		/* What was not used is left in it. */
		CHECK_EQ(t.tv_sec, 4);
		SYS(dup2(helper, 40));
		close(40);
		FD_SET(40, &in);
		CHECK_ERRNO(select(41, &in, NULL, NULL, &t), EBADF);
		CHECK_ERRNO(select(-1, NULL, NULL, NULL, &t), EINVAL);
	}
	return away_pass();
}
