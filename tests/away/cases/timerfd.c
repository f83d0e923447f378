// SPDX-License-Identifier: GPL-2.0-only
/* timerfd: one that ends during a move, a periodic one, and the time that is left. */

#include "../away.h"

#include <poll.h>
#include <sys/timerfd.h>

static struct timespec ts(int64_t ns)
{
	return (struct timespec) { ns / SECOND, ns % SECOND };
}

int main(void)
{
	int once = SYS(timerfd_create(CLOCK_MONOTONIC, 0));
	int every = SYS(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	struct itimerspec t = {}, left;
	int64_t began, took;
	uint64_t n;

	while (away_again()) {
		t.it_value = ts(TIMED);
		t.it_interval = ts(0);
		SYS(timerfd_settime(once, 0, &t, NULL));
		t.it_value = t.it_interval = ts(20 * MS);
		SYS(timerfd_settime(every, 0, &t, NULL));
		began = away_now(CLOCK_MONOTONIC);
		CHECK_EQ(poll(&(struct pollfd) { once, POLLIN, 0 }, 1, 0), 0);
		SYS(timerfd_gettime(once, &left));
		CHECK_EQ(left.it_interval.tv_nsec, 0);
		CHECK_IN(left.it_value.tv_sec * SECOND + left.it_value.tv_nsec, 500 * MS, TIMED);
		away_timed("waiting for a timer");
		CHECK_EQ(read(once, &n, sizeof(n)), sizeof(n));
		took = away_now(CLOCK_MONOTONIC) - began;
		away_call_end();
		CHECK_EQ(n, 1);
		CHECK_IN(took, TIMED - SKEW, TIMED + LATE);
		/* None of its periods is lost. */
		CHECK_EQ(read(every, &n, sizeof(n)), sizeof(n));
		took = away_now(CLOCK_MONOTONIC) - began;
		CHECK_IN(n, (TIMED - SKEW) / (20 * MS), (took + SKEW) / (20 * MS));
		memset(&t, 0, sizeof(t));
		SYS(timerfd_settime(every, 0, &t, &left));
		CHECK_EQ(left.it_interval.tv_nsec, 20 * MS);
		CHECK_ERRNO(read(every, &n, sizeof(n)), EAGAIN);
		/* An absolute time, in the clock's own terms. */
		t.it_value = ts(away_now(CLOCK_MONOTONIC) + 100 * MS);
		began = away_now(CLOCK_MONOTONIC);
		SYS(timerfd_settime(once, TFD_TIMER_ABSTIME, &t, NULL));
		CHECK_EQ(read(once, &n, sizeof(n)), sizeof(n));
		CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 0, 100 * MS + LATE);
	}
	return away_pass();
}
