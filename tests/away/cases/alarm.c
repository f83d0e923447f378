// SPDX-License-Identifier: GPL-2.0-only
/* alarm(2) and the interval timer: set, asked, replaced, and arriving. */

#include "../away.h"

#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;
static volatile int64_t last;

static void handler(int sig)
{
	(void)sig;
	signals++;
	last = away_now(CLOCK_MONOTONIC);
}

static int64_t us(const struct timeval *t)
{
	return t->tv_sec * SECOND + t->tv_usec * 1000LL;
}

int main(void)
{
	struct itimerval t = {}, old;
	int64_t began, late = 20 * SECOND;

	signal(SIGALRM, handler);
	while (away_again()) {
		signals = 0;
		CHECK_EQ(alarm(100), 0);
		away_point("with an alarm set");
		CHECK_IN(alarm(50), 100 - late / SECOND, 100);
		SYS(getitimer(ITIMER_REAL, &old));
		CHECK_IN(us(&old.it_value), 49 * SECOND, 50 * SECOND);
		t.it_value.tv_usec = 100000;
		t.it_interval.tv_usec = 150000;
		began = away_now(CLOCK_MONOTONIC);
		SYS(setitimer(ITIMER_REAL, &t, &old));
		CHECK_IN(us(&old.it_value), 48 * SECOND, 50 * SECOND);
		away_spin("with a timer running", NULL, NULL);
		while (signals < 3)
			if (away_now(CLOCK_MONOTONIC) - began > late)
				FAIL("%d signals after 20 s", signals);
		CHECK_IN(last - began, 400 * MS - SKEW, late);
		SYS(getitimer(ITIMER_REAL, &old));
		CHECK_EQ(old.it_interval.tv_usec, 150000);
		memset(&t, 0, sizeof(t));
		SYS(setitimer(ITIMER_REAL, &t, NULL));
		CHECK_EQ(alarm(0), 0);
	}
	return away_pass();
}
