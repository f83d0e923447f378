// SPDX-License-Identifier: GPL-2.0-only
/*
 * CLOCK_MONOTONIC and CLOCK_BOOTTIME never step back, nor jump by more than a
 * move lasts: a helper that stays at home tells what time it is there.
 */

#include "../away.h"

#define JUMP (5 * SECOND)

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
#define CLOCKS 3

static int64_t last[CLOCKS];

static void check(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < CLOCKS; i++) {
		int64_t t = away_now(clocks[i]);

		CHECK_IN(t - last[i], 0, JUMP);
		last[i] = t;
	}
}

static void tell_time(int fd, void *arg)
{
	int64_t t[CLOCKS];
	int i;

	(void)arg;
	for (;;) {
		away_hear(fd);
		for (i = 0; i < CLOCKS; i++)
			t[i] = away_now(clocks[i]);
		away_write(fd, t, sizeof(t));
	}
}

int main(void)
{
	int64_t before[CLOCKS], there[CLOCKS];
	int home, i;

	away_helper(tell_time, NULL, &home);
	for (i = 0; i < CLOCKS; i++)
		last[i] = away_now(clocks[i]);
	while (away_again()) {
		away_spin("reading clocks", check, NULL);
		/* Home's time is between two readings here. */
		for (i = 0; i < CLOCKS; i++)
			before[i] = away_now(clocks[i]);
		away_tell(home, 't');
		away_read(home, there, sizeof(there));
		for (i = 0; i < CLOCKS; i++)
			CHECK_IN(there[i], before[i] - SKEW, away_now(clocks[i]) + SKEW);
	}
	return away_pass();
}
