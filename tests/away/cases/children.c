// SPDX-License-Identifier: GPL-2.0-only
/* Children from before the first move are still its children: wait, stop, resources. */

#include "../away.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define CHILDREN 12

/* Does what it is told, a byte at a time. */
static void child(int fd)
{
	static char much[1 << 20];
	char c;

	/* A kernel counts pages by the hundred, and may not know of fewer. */
	memset(much, 1, sizeof(much));
	for (;;) {
		if (read(fd, &c, 1) != 1)
			_exit(99);
		if (c == 's')
			raise(SIGSTOP);
		else if (c == 'k')
			raise(SIGTERM);
		else
			_exit(c);
	}
}

int main(void)
{
	int pipes[CHILDREN][2], status, i, n = 0;
	struct rusage usage;
	pid_t pid[CHILDREN];
	siginfo_t info;

	for (i = 0; i < CHILDREN; i++) {
		SYS(pipe(pipes[i]));
		pid[i] = SYS(fork());
		if (!pid[i]) {
			signal(SIGTERM, SIG_DFL);
			close(pipes[i][1]);
			child(pipes[i][0]);
		}
		close(pipes[i][0]);
	}
	while (away_again() && n + 3 <= CHILDREN) {
		away_point("with children");
		CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
		away_write(pipes[n][1], "\007", 1);
		CHECK_EQ(wait4(pid[n], &status, 0, &usage), pid[n]);
		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), 7);
		CHECK(usage.ru_maxrss > 0);
		n++;
		away_write(pipes[n][1], "s", 1);
		CHECK_EQ(waitpid(pid[n], &status, WUNTRACED), pid[n]);
		CHECK(WIFSTOPPED(status));
		SYS(kill(pid[n], SIGCONT));
		CHECK_EQ(waitpid(pid[n], &status, WCONTINUED), pid[n]);
		CHECK(WIFCONTINUED(status));
		away_write(pipes[n][1], "k", 1);
		CHECK_EQ(waitpid(pid[n], &status, 0), pid[n]);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGTERM);
		n++;
		away_write(pipes[n][1], "\003", 1);
		memset(&info, 0, sizeof(info));
		SYS(waitid(P_PID, pid[n], &info, WEXITED | WNOWAIT));
		CHECK_EQ(info.si_pid, pid[n]);
		CHECK_EQ(info.si_code, CLD_EXITED);
		CHECK_EQ(info.si_status, 3);
		CHECK_EQ(info.si_signo, SIGCHLD);
		away_point("with a child that is dead");
		CHECK_EQ(waitpid(pid[n], &status, 0), pid[n]);
		CHECK_ERRNO(waitpid(pid[n], &status, 0), ECHILD);
		n++;
	}
	return away_pass();
}
