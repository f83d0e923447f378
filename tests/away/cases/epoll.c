// SPDX-License-Identifier: GPL-2.0-only
/* epoll: level, edge and one-shot, with the data words that were given. */

#include "../away.h"

#include <sys/epoll.h>

static void add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = { .events = events, .data.u64 = data };

	SYS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
}

static int wait_now(int ep, struct epoll_event *e)
{
	memset(e, '#', 8 * sizeof(*e));
	return SYS(epoll_wait(ep, e, 8, 0));
}

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
	int ep = SYS(epoll_create1(EPOLL_CLOEXEC)), level[2], edge[2], once[2], helper;
	struct epoll_event e[8];
	char c;

	SYS(pipe(level));
	SYS(pipe(edge));
	SYS(pipe(once));
	away_helper(write_later, NULL, &helper);
	add(ep, level[0], EPOLLIN, 0x1111222233334444);
	add(ep, edge[0], EPOLLIN | EPOLLET, 2);
	add(ep, once[0], EPOLLIN | EPOLLONESHOT, 3);
	while (away_again()) {
		away_write(level[1], "a", 1);
		away_point("with one ready");
		CHECK_EQ(wait_now(ep, e), 1);
		CHECK_EQ(e[0].events, EPOLLIN);
		CHECK_EQ(e[0].data.u64, 0x1111222233334444);
		CHECK_EQ(((unsigned char *)&e[1])[0], '#');
		CHECK_EQ(wait_now(ep, e), 1);
		away_read(level[0], &c, 1);
		CHECK_EQ(wait_now(ep, e), 0);
		away_write(edge[1], "b", 1);
		CHECK_EQ(wait_now(ep, e), 1);
		CHECK_EQ(e[0].data.u64, 2);
		away_point("with an edge that was seen");
		CHECK_EQ(wait_now(ep, e), 0);
		away_write(edge[1], "b", 1);
		CHECK_EQ(wait_now(ep, e), 1);
		away_read(edge[0], &c, 1);
		away_read(edge[0], &c, 1);

		away_write(once[1], "c", 1);
		CHECK_EQ(wait_now(ep, e), 1);
		CHECK_EQ(e[0].data.u64, 3);
		CHECK_EQ(wait_now(ep, e), 0);
		e[0] = (struct epoll_event) { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 4 };
		SYS(epoll_ctl(ep, EPOLL_CTL_MOD, once[0], &e[0]));
		CHECK_EQ(wait_now(ep, e), 1);
		CHECK_EQ(e[0].data.u64, 4);
		away_read(once[0], &c, 1);
		e[0] = (struct epoll_event) { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 3 };
		SYS(epoll_ctl(ep, EPOLL_CTL_MOD, once[0], &e[0]));

		add(ep, helper, EPOLLIN, 5);
		away_tell(helper, 'w');
		away_call("in epoll_wait");
		CHECK_EQ(SYS(epoll_wait(ep, e, 8, -1)), 1);
		away_helped();
		CHECK_EQ(e[0].data.u64, 5);
		away_hear(helper);
		SYS(epoll_ctl(ep, EPOLL_CTL_DEL, helper, NULL));
		CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, helper, NULL), ENOENT);
		CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, level[0], e), EEXIST);
		CHECK_ERRNO(epoll_wait(ep, e, 0, 0), EINVAL);
	}
	return away_pass();
}
