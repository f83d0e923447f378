// SPDX-License-Identifier: GPL-2.0-only
/* How a process that was away ends, as its parent sees it: by itself or by a signal. */

#include "../away.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static void __attribute__((noreturn)) end_by(int how)
{
	const int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGALRM, SIGRTMAX };

	if (how < 5) {
		signal(signals[how], SIG_DFL);
		kill(getpid(), signals[how]);
		/* SIGKILL and the like do not come back. */
		for (;;)
			pause();
	}
	if (how == 5)
		exit(0);
	if (how == 6)
		exit(42);
	_exit(255);
}

static void check(int how, int status)
{
	const int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGALRM, SIGRTMAX };
	static const int codes[] = { 0, 42, 255 };

	if (how < 5) {
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), signals[how]);
		CHECK(!WCOREDUMP(status));
		return;
	}
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), codes[how - 5]);
}

int main(void)
{
	siginfo_t info;
	int how, status, i;
	pid_t pid;

	for (how = 0; how < 8; how++) {
		pid = SYS(fork());
		if (!pid) {
			for (i = 0; i <= how % 3; i++)
				away_point("as a child that will end");
			end_by(how);
		}
		SYS(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
		CHECK_EQ(info.si_code, how < 5 ? CLD_KILLED : CLD_EXITED);
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		check(how, status);
	}
	return away_pass();
}
