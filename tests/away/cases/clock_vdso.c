// SPDX-License-Identifier: GPL-2.0-only
/* Clocks by the vDSO and by the system call agree, wherever the program is. */

#include "../away.h"

#include <sys/syscall.h>
#include <sys/time.h>

static int64_t by_call(clockid_t clock)
{
	struct timespec t;

	SYS(syscall(SYS_clock_gettime, clock, &t));
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void check(void *arg)
{
	static const clockid_t clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_TAI,
	};
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		/* Each between two of the other, wherever all three are read. */
		int64_t a = away_now(clocks[i]), b = by_call(clocks[i]), c = away_now(clocks[i]);

		CHECK_IN(b, a, c);
	}
}

int main(void)
{
	struct timeval tv;
	struct timespec res;
	time_t t;

	while (away_again()) {
		away_point("before looking at the clocks");
		check(NULL);
		CHECK_EQ(gettimeofday(&tv, NULL), 0);
		t = time(NULL);
		/* time() is of the last tick, and that may have been in the second before. */
		CHECK_IN(t - tv.tv_sec, -1, 1);
		CHECK_IN(tv.tv_sec, 1700000000, 5000000000);
		SYS(clock_getres(CLOCK_MONOTONIC, &res));
		CHECK_EQ(res.tv_sec, 0);
		CHECK_IN(res.tv_nsec, 1, 10 * MS);
	}
	return away_pass();
}
