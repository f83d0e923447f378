// SPDX-License-Identifier: GPL-2.0-only
/* sigsuspend(2) and pause(2), ended by a helper's signal after moves. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals, last;

static void handler(int sig)
{
	last = sig;
	signals++;
}

static void send(int fd, void *arg)
{
	pid_t pid = *(pid_t *)arg;

	for (;;) {
		char c = away_hear(fd);

		if (c != 'n')
			away_moved();
		if (c == 'p')
			away_asleep();
		else
			usleep(50000);
		/* The first of them stays blocked. */
		SYS(kill(pid, SIGUSR2));
		SYS(kill(pid, SIGUSR1));
		away_tell(fd, c);
	}
}

int main(void)
{
	sigset_t mask, during, now;
	pid_t me = getpid();
	int helper;

	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	away_helper(send, &me, &helper);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigemptyset(&during);
	sigaddset(&during, SIGUSR2);
	while (away_again()) {
		signals = 0;
		SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
		away_tell(helper, 's');
		away_call("in sigsuspend");
		CHECK_ERRNO(sigsuspend(&during), EINTR);
		away_helped();
		CHECK_EQ(signals, 1);
		CHECK_EQ(last, SIGUSR1);
		CHECK_EQ(away_hear(helper), 's');
		SYS(sigprocmask(SIG_BLOCK, NULL, &now));
		CHECK(sigismember(&now, SIGUSR1));
		SYS(sigpending(&now));
		CHECK(sigismember(&now, SIGUSR2));
		SYS(sigprocmask(SIG_UNBLOCK, &during, NULL));
		CHECK_EQ(signals, 2);
		/* Pending already. */
		away_ask(helper, 'n');
		away_point("with a signal pending");
		CHECK_EQ(signals, 3);
		CHECK_ERRNO(sigsuspend(&during), EINTR);
		CHECK_EQ(signals, 4);
		CHECK_EQ(last, SIGUSR1);

		SYS(sigprocmask(SIG_UNBLOCK, &mask, NULL));
		signal(SIGUSR2, SIG_IGN);
		away_tell(helper, 'p');
		away_call("in pause");
		CHECK_ERRNO(pause(), EINTR);
		away_helped();
		CHECK_EQ(signals, 5);
		CHECK_EQ(away_hear(helper), 'p');
		signal(SIGUSR2, handler);
	}
	return away_pass();
}
