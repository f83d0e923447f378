// SPDX-License-Identifier: GPL-2.0-only
/* Writing into a pipe that nobody reads: EPIPE, and SIGPIPE to this process. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals;
static volatile pid_t sender;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	signals++;
	sender = info->si_pid;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	int pipes[2], n = 0;

	while (away_again()) {
		sigaction(SIGPIPE, &sa, NULL);
		SYS(pipe(pipes));
		away_write(pipes[1], "x", 1);
		close(pipes[0]);
		away_point("with a pipe nobody reads");
		CHECK_ERRNO(write(pipes[1], "y", 1), EPIPE);
		CHECK_EQ(signals, ++n);
		CHECK_EQ(sender, getpid());
		signal(SIGPIPE, SIG_IGN);
		away_point("with the signal ignored");
		CHECK_ERRNO(write(pipes[1], "y", 1), EPIPE);
		CHECK_EQ(signals, n);
		close(pipes[1]);
	}
	return away_pass();
}
