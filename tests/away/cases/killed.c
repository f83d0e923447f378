// SPDX-License-Identifier: GPL-2.0-only
/* Killed by its parent while it computes, sleeps or reads: gone at once, no zombie left. */

#include "../away.h"

#include <signal.h>
#include <sys/wait.h>

static void __attribute__((noreturn)) keep_busy(int how, int ready)
{
	char c;

	away_point("as a child to be killed");
	away_write(ready, "r", 1);
	for (;;) {
		if (how == 0)
			away_mix(how, 1);
		else if (how == 1)
			sleep(100);
		else if (read(ready, &c, 1) < 0)
			pause();
	}
}

int main(void)
{
	int how, status, ready[2];
	int64_t began;
	pid_t pid;
	char c;

	for (how = 0; how < 6; how++) {
		SYS(pipe(ready));
		pid = SYS(fork());
		if (!pid) {
			signal(SIGTERM, SIG_DFL);
			keep_busy(how % 3, ready[1]);
		}
		away_read(ready[0], &c, 1);
		usleep(100000);
		began = away_now(CLOCK_MONOTONIC);
		SYS(kill(pid, how < 3 ? SIGKILL : SIGTERM));
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 0, 5 * SECOND);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), how < 3 ? SIGKILL : SIGTERM);
		CHECK_ERRNO(kill(pid, 0), ESRCH);
		close(ready[0]);
		close(ready[1]);
	}
	return away_pass();
}
