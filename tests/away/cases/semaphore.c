// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for a semaphore until a time, moved meanwhile. */

#include "../away.h"

#include <semaphore.h>

int main(void)
{
	struct timespec until;
	int64_t began, took;
	sem_t sem;

	CHECK_EQ(sem_init(&sem, 0, 0), 0);
	while (away_again()) {
		away_timed("waiting for a semaphore");
		began = away_now(CLOCK_MONOTONIC);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += TIMED / SECOND;
		until.tv_nsec += TIMED % SECOND;
		if (until.tv_nsec >= SECOND) {
			until.tv_sec++;
			until.tv_nsec -= SECOND;
		}
		CHECK_ERRNO(sem_clockwait(&sem, CLOCK_MONOTONIC, &until), ETIMEDOUT);
		took = away_now(CLOCK_MONOTONIC) - began;
		away_call_end();
		CHECK_IN(took, TIMED - SKEW, TIMED + LATE);
		SYS(sem_post(&sem));
		SYS(sem_wait(&sem));
		CHECK_ERRNO(sem_trywait(&sem), EAGAIN);
	}
	return away_pass();
}
