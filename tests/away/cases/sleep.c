// SPDX-License-Identifier: GPL-2.0-only
/* nanosleep and its kin last as long as they should, with moves in their middle. */

#include "../away.h"

int main(void)
{
	struct timespec length = { TIMED / SECOND, TIMED % SECOND }, until;
	int64_t began, took;
	int i;

	for (i = 0; away_again(); i++) {
		away_timed("asleep");
		began = away_now(CLOCK_MONOTONIC);
		if (i % 3 == 0) {
			SYS(nanosleep(&length, NULL));
		} else if (i % 3 == 1) {
			until.tv_sec = (began + TIMED) / SECOND;
			until.tv_nsec = (began + TIMED) % SECOND;
			CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
		} else {
			CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, 0, &length, NULL), 0);
		}
		took = away_now(CLOCK_MONOTONIC) - began;
		away_call_end();
		CHECK_IN(took, TIMED - SKEW, TIMED + LATE);
	}
	CHECK_ERRNO(nanosleep(&(struct timespec) { 0, SECOND }, NULL), EINVAL);
	return away_pass();
}
