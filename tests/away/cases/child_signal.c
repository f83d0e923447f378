// SPDX-License-Identifier: GPL-2.0-only
/* SIGCHLD comes with all about the child, also while waiting for something else. */

#include "../away.h"

#include <signal.h>
#include <sys/wait.h>

static volatile sig_atomic_t signals;
static siginfo_t seen;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen = *info;
	signals++;
}

/* Ends when the move of its round is over. */
static void end_later(int fd, void *arg)
{
	(void)arg;
	away_hear(fd);
	away_moved();
	away_asleep();
	_exit(33);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int fd[4], status, i;
	pid_t pid[4];

	for (i = 0; i < 4; i++)
		pid[i] = away_helper(end_later, NULL, &fd[i]);
	sigaction(SIGCHLD, &sa, NULL);
	for (i = 0; i < 4 && away_again(); i++) {
		away_tell(fd[i], 'e');
		away_call("in pause, with a child that will end");
		CHECK_ERRNO(pause(), EINTR);
		away_helped();
		CHECK_EQ(signals, 1);
		signals = 0;
		CHECK_EQ(seen.si_signo, SIGCHLD);
		CHECK_EQ(seen.si_code, CLD_EXITED);
		CHECK_EQ(seen.si_pid, pid[i]);
		CHECK_EQ(seen.si_status, 33);
		CHECK_EQ(waitpid(-1, &status, 0), pid[i]);
		CHECK_EQ(WEXITSTATUS(status), 33);
	}
	return away_pass();
}
