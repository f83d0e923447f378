// SPDX-License-Identifier: GPL-2.0-only
/* Timers that count CPU time bring the process home, and count on there. */

#include "../away.h"

#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t virtual, prof;

static void handler(int sig)
{
	if (sig == SIGVTALRM)
		virtual++;
	else
		prof++;
}

static void wait_for(volatile sig_atomic_t *count)
{
	int64_t limit = away_now(CLOCK_MONOTONIC) + 20 * SECOND;

	while (!*count)
		if (away_now(CLOCK_MONOTONIC) > limit)
			FAIL("no signal after 20 s of work");
}

int main(void)
{
	struct itimerval t = { .it_value = { 0, 100000 } }, off = {}, old;

	away_goes_home();
	signal(SIGVTALRM, handler);
	signal(SIGPROF, handler);
	while (away_again()) {
		virtual = prof = 0;
		away_point("before timers of CPU time");
		SYS(setitimer(ITIMER_VIRTUAL, &t, NULL));
		SYS(getitimer(ITIMER_VIRTUAL, &old));
		CHECK_IN(old.it_value.tv_usec, 1, 104000);
		wait_for(&virtual);
		SYS(setitimer(ITIMER_PROF, &t, NULL));
		wait_for(&prof);
		CHECK_EQ(virtual, 1);
		CHECK_EQ(prof, 1);
		SYS(setitimer(ITIMER_PROF, &off, NULL));
	}
	return away_pass();
}
