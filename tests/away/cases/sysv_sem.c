// SPDX-License-Identifier: GPL-2.0-only
/* System V semaphores shared with a helper: waiting, undoing, time limits. */

#include "../away.h"

#include <sys/ipc.h>
#include <sys/sem.h>

static void post(int fd, void *arg)
{
	struct sembuf op = { 0, 1, 0 };

	for (;;) {
		char c = away_hear(fd);

		if (c == 'm')
			away_moved();
		SYS(semop(*(int *)arg, &op, 1));
		away_tell(fd, c);
	}
}

int main(void)
{
	struct timespec limit = { 0, 300 * MS };
	struct sembuf op[2];
	int id, helper;
	int64_t began;

	/* semctl(2) is not described, nor is it needed between. */
	id = SYS(semget(IPC_PRIVATE, 2, 0600));
	away_helper(post, &id, &helper);
	while (away_again()) {
		away_ask(helper, 'p');
		away_point("with a semaphore to take");
		op[0] = (struct sembuf) { 0, -1, IPC_NOWAIT };
		op[1] = (struct sembuf) { 1, 1, 0 };
		SYS(semop(id, op, 2));
		CHECK_ERRNO(semop(id, op, 2), EAGAIN);
		op[0].sem_flg = 0;
		away_tell(helper, 'm');
		away_call("waiting for a semaphore");
		SYS(semop(id, op, 1));
		away_helped();
		CHECK_EQ(away_hear(helper), 'm');
		began = away_now(CLOCK_MONOTONIC);
		CHECK_ERRNO(semtimedop(id, op, 1, &limit), EAGAIN);
		CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 300 * MS - SKEW, 300 * MS + LATE);
		op[1].sem_op = -1;
		SYS(semop(id, op + 1, 1));
		op[0].sem_num = 7;
		CHECK_ERRNO(semop(id, op, 1), EFBIG);
		CHECK_ERRNO(semop(-1, op, 1), EINVAL);
	}
	away_goes_home();
	SYS(semctl(id, 0, IPC_RMID));
	return away_pass();
}
