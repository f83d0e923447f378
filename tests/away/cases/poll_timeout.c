// SPDX-License-Identifier: GPL-2.0-only
/* The time limits of poll, ppoll, select and epoll_wait, with a move in their middle. */

#include "../away.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int64_t began;

static void begin(const char *text)
{
	away_timed(text);
	began = away_now(CLOCK_MONOTONIC);
}

static void ended(void)
{
	int64_t took = away_now(CLOCK_MONOTONIC) - began;

	away_call_end();
	CHECK_IN(took, TIMED - SKEW, TIMED + LATE);
}

int main(void)
{
	struct timespec ts = { TIMED / SECOND, TIMED % SECOND };
	struct timeval tv = { TIMED / SECOND, TIMED % SECOND / 1000 };
	struct epoll_event event;
	int pipes[2], ep, i;
	fd_set in;

	SYS(pipe(pipes));
	ep = SYS(epoll_create1(0));
	for (i = 0; away_again(); i++) {
		switch (i % 4) {
		case 0:
			begin("in poll with a limit");
			CHECK_EQ(poll(&(struct pollfd) { pipes[0], POLLIN, 0 }, 1, TIMED / MS), 0);
			ended();
			break;
		case 1:
			FD_ZERO(&in);
			FD_SET(pipes[0], &in);
			tv = (struct timeval) { TIMED / SECOND, TIMED % SECOND / 1000 };
			begin("in select with a limit");
			CHECK_EQ(select(pipes[0] + 1, &in, NULL, NULL, &tv), 0);
			ended();
			CHECK(!FD_ISSET(pipes[0], &in));
			CHECK_EQ(tv.tv_sec * 1000000 + tv.tv_usec, 0);
			break;
		case 2:
			begin("in ppoll with a limit");
			CHECK_EQ(ppoll(&(struct pollfd) { pipes[0], POLLIN, 0 }, 1, &ts, NULL), 0);
			ended();
			CHECK_EQ(ts.tv_sec, TIMED / SECOND);
			break;
		default:
			begin("in epoll_wait with a limit");
			CHECK_EQ(epoll_wait(ep, &event, 1, TIMED / MS), 0);
			ended();
		}
	}
	return away_pass();
}
