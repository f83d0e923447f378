// SPDX-License-Identifier: GPL-2.0-only
/*
 * The raw futex call with a relative time limit.  Only the kernel that began it
 * knows how to go on with it, so the process may come home for the rest.
 */

#include "../away.h"

#include <linux/futex.h>
#include <sys/syscall.h>

static uint32_t word = 5;

int main(void)
{
	struct timespec limit = { TIMED / SECOND, TIMED % SECOND };
	int64_t began, took;

	away_goes_home();
	while (away_again()) {
		away_timed("waiting for a futex");
		began = away_now(CLOCK_MONOTONIC);
		CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &limit), ETIMEDOUT);
		took = away_now(CLOCK_MONOTONIC) - began;
		away_call_end();
		CHECK_IN(took, TIMED - SKEW, TIMED + LATE);
		CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 4, &limit), EAGAIN);
		CHECK_EQ(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1), 0);
	}
	return away_pass();
}
