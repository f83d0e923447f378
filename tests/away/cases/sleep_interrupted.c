// SPDX-License-Identifier: GPL-2.0-only
/* nanosleep ended by a signal tells what is left; the alarm comes when it should. */

#include "../away.h"

#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	(void)sig;
	signals++;
}

int main(void)
{
	struct itimerval in = { .it_value = { TIMED / SECOND, TIMED % SECOND / 1000 } };
	struct timespec length = { 10, 0 }, left;
	int64_t began, took;
	int n = 0;

	signal(SIGALRM, handler);
	while (away_again()) {
		away_timed("asleep until the alarm");
		began = away_now(CLOCK_MONOTONIC);
		SYS(setitimer(ITIMER_REAL, &in, NULL));
		memset(&left, 0, sizeof(left));
		CHECK_ERRNO(nanosleep(&length, &left), EINTR);
		took = away_now(CLOCK_MONOTONIC) - began;
		away_call_end();
		CHECK_EQ(signals, ++n);
		CHECK_IN(took, TIMED - SKEW, TIMED + LATE);
		CHECK_IN(left.tv_sec * SECOND + left.tv_nsec + took,
			 10 * SECOND - LATE, 10 * SECOND + LATE);
	}
	return away_pass();
}
