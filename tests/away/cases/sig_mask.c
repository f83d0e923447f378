// SPDX-License-Identifier: GPL-2.0-only
/* Masks: blocked signals wait, one of a kind, and come when they are let in. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals, order[8];

static void handler(int sig)
{
	if (signals < 8)
		order[signals] = sig;
	signals++;
}

static void send(int fd, void *arg)
{
	pid_t pid = *(pid_t *)arg;

	for (;;) {
		away_hear(fd);
		SYS(kill(pid, SIGUSR2));
		SYS(kill(pid, SIGUSR1));
		SYS(kill(pid, SIGUSR1));
		SYS(kill(pid, SIGTERM));
		away_tell(fd, 's');
	}
}

int main(void)
{
	sigset_t block, all, now, before;
	pid_t me = getpid();
	int helper, i;

	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	signal(SIGTERM, handler);
	away_helper(send, &me, &helper);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaddset(&block, SIGTERM);
	sigfillset(&all);
	while (away_again()) {
		signals = 0;
		SYS(sigprocmask(SIG_BLOCK, &block, &before));
		CHECK(!sigismember(&before, SIGUSR1));
		away_ask(helper, 's');
		away_point("with signals blocked and pending");
		CHECK_EQ(signals, 1);
		CHECK_EQ(order[0], SIGUSR2);
		SYS(sigpending(&now));
		for (i = 1; i < 32; i++)
			CHECK_EQ(sigismember(&now, i), i == SIGUSR1 || i == SIGTERM);
		SYS(sigprocmask(SIG_BLOCK, NULL, &now));
		for (i = 1; i < 32; i++)
			CHECK_EQ(sigismember(&now, i), i == SIGUSR1 || i == SIGTERM);
		sigdelset(&block, SIGTERM);
		SYS(sigprocmask(SIG_UNBLOCK, &block, NULL));
		CHECK_EQ(signals, 2);
		CHECK_EQ(order[1], SIGUSR1);
		SYS(sigpending(&now));
		CHECK(sigismember(&now, SIGTERM));
		CHECK(!sigismember(&now, SIGUSR1));
		away_point("with one of them let in");
		CHECK_EQ(signals, 2);
		SYS(sigprocmask(SIG_SETMASK, &before, NULL));
		CHECK_EQ(signals, 3);
		CHECK_EQ(order[2], SIGTERM);
		sigaddset(&block, SIGTERM);
		/* Dropped by being ignored. */
		SYS(sigprocmask(SIG_BLOCK, &block, NULL));
		raise(SIGUSR1);
		signal(SIGUSR1, SIG_IGN);
		away_point("with one ignored that was pending");
		SYS(sigpending(&now));
		CHECK(!sigismember(&now, SIGUSR1));
		signal(SIGUSR1, handler);
		SYS(sigprocmask(SIG_UNBLOCK, &block, NULL));
		CHECK_EQ(signals, 3);
	}
	/* These two cannot be blocked. */
	SYS(sigprocmask(SIG_BLOCK, &all, NULL));
	SYS(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK(!sigismember(&now, SIGKILL));
	CHECK(!sigismember(&now, SIGSTOP));
	CHECK_ERRNO(sigprocmask(77, &all, NULL), EINVAL);
	return away_pass();
}
