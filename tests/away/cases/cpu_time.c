// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time of work done anywhere is counted, once: getrusage, times and the
 * process's clock agree with each other, and with the clock on the wall.
 */

#include "../away.h"

#include <sys/resource.h>
#include <sys/times.h>

#define WORK (400 * MS)

static int64_t cpu(void)
{
	struct rusage u;

	SYS(getrusage(RUSAGE_SELF, &u));
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SECOND +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL;
}

/* So much CPU time by this thread's own clock, which is here; the time it took. */
static int64_t work(int64_t ns)
{
	int64_t began = away_now(CLOCK_MONOTONIC), until = away_now(CLOCK_THREAD_CPUTIME_ID) + ns;
	volatile uint64_t x = 0;

	while (away_now(CLOCK_THREAD_CPUTIME_ID) < until) {
		int i;

		for (i = 0; i < 10000; i++)
			x = away_mix(x, i);
	}
	return away_now(CLOCK_MONOTONIC) - began;
}

int main(void)
{
	struct tms before, after;
	int64_t first, used, wall, clock;

	while (away_again()) {
		first = cpu();
		clock = away_now(CLOCK_PROCESS_CPUTIME_ID);
		times(&before);
		wall = work(WORK);
		away_point("after work");
		wall += work(WORK);
		used = cpu() - first;
		/* Within 5 %, and what asking and moving cost. */
		CHECK_IN(used, 2 * WORK * 95 / 100, 2 * WORK * 105 / 100 + 150 * MS);
		CHECK(wall >= 2 * WORK * 95 / 100);
		times(&after);
		CHECK_IN((after.tms_utime + after.tms_stime - before.tms_utime - before.tms_stime) * 10,
			 2 * WORK / MS * 95 / 100 - 10, 2 * WORK / MS * 105 / 100 + 160);
		used = away_now(CLOCK_PROCESS_CPUTIME_ID) - clock;
		CHECK_IN(used, 2 * WORK * 95 / 100, 2 * WORK * 105 / 100 + 150 * MS);
	}
	return away_pass();
}
