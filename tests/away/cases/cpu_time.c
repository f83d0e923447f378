// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time of work done anywhere is counted, once: getrusage, times and the
 * process's clock agree with each other, and with the clock on the wall.
 */

#include "../away.h"

#include <sys/resource.h>
#include <sys/times.h>

#define WORK (1000 * MS)

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

/* What is counted for some work done here, by all who count. */
static void check_work(void)
{
	int64_t first = cpu(), clock = away_now(CLOCK_PROCESS_CPUTIME_ID), wall, used;
	struct tms before, after;

	times(&before);
	wall = work(WORK);
	used = cpu() - first;
	/* Within 5 %, and what asking costs. */
	CHECK_IN(used, WORK * 95 / 100, WORK * 105 / 100 + 30 * MS);
	CHECK(wall >= WORK * 95 / 100);
	times(&after);
	used = after.tms_utime + after.tms_stime - before.tms_utime - before.tms_stime;
	/* In hundredths of a second. */
	CHECK_IN(used * 10 * MS, WORK * 95 / 100 - 20 * MS, WORK * 105 / 100 + 60 * MS);
	used = away_now(CLOCK_PROCESS_CPUTIME_ID) - clock;
	CHECK_IN(used, WORK * 95 / 100, WORK * 105 / 100 + 60 * MS);
}

int main(void)
{
	int64_t before, after;

	while (away_again()) {
		check_work();
		before = cpu();
		away_point("between work");
		after = cpu();
		/* A move costs something itself, but nothing is lost, or counted twice. */
		CHECK_IN(after - before, 0, WORK / 2);
	}
	check_work();
	return away_pass();
}
