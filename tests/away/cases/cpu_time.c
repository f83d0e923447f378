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

#define HERE() away_now(CLOCK_THREAD_CPUTIME_ID)

/* Between the shortest and the longest it can have been by the clock here, within 5 %. */
static void check_used(const char *by, int64_t used, const int64_t *t)
{
	int64_t low = (t[2] - t[1]) * 95 / 100 - 20 * MS;
	int64_t high = (t[3] - t[0]) * 105 / 100 + 60 * MS;

	if (used < low || used > high)
		FAIL("used by %s, wanted %lld to %lld ns, got %lld", by, (long long)low,
		     (long long)high, (long long)used);
}

/* What is counted for some work done here, by all who count. */
static void check_work(void)
{
	int64_t t[4] = { HERE() }, first = cpu(), clock = away_now(CLOCK_PROCESS_CPUTIME_ID), used;
	struct tms before, after;

	times(&before);
	t[1] = HERE();
	CHECK(work(WORK) >= WORK * 95 / 100);
	t[2] = HERE();
	used = cpu() - first;
	times(&after);
	clock = away_now(CLOCK_PROCESS_CPUTIME_ID) - clock;
	t[3] = HERE();
	check_used("getrusage", used, t);
	check_used("its clock", clock, t);
	/* In hundredths of a second. */
	used = after.tms_utime + after.tms_stime - before.tms_utime - before.tms_stime;
	check_used("times", used * 10 * MS, t);
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
		CHECK_IN(after - before, 0, before * 9 / 10);
	}
	check_work();
	return away_pass();
}
