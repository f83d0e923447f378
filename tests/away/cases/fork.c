// SPDX-License-Identifier: GPL-2.0-only
/* fork(2) and vfork(2) while away: parent and child go on where they are. */

#include "../away.h"

#include <sys/wait.h>

static int twice = 1;

int main(void)
{
	int status, pipes[2];
	pid_t pid, seen[2];

	while (away_again()) {
		SYS(pipe(pipes));
		away_point("before a fork");
		pid = SYS(fork());
		if (!pid) {
			twice *= 2;
			seen[0] = getpid();
			seen[1] = getppid();
			away_write(pipes[1], seen, sizeof(seen));
			_exit(twice);
		}
		away_read(pipes[0], seen, sizeof(seen));
		CHECK_EQ(seen[0], pid);
		CHECK_EQ(seen[1], getpid());
		away_point("after a fork");
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK_EQ(WEXITSTATUS(status), 2);
		CHECK_EQ(twice, 1);
		pid = SYS(vfork());
		if (!pid)
			_exit(5);
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK_EQ(WEXITSTATUS(status), 5);
		close(pipes[0]);
		close(pipes[1]);
	}
	return away_pass();
}
