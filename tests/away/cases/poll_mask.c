// SPDX-License-Identifier: GPL-2.0-only
/*
 * ppoll, pselect and epoll_pwait with a signal mask: a signal that is blocked
 * otherwise ends them, its handler runs, and the old mask is back.
 */

#include "../away.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t signals, was_blocked;

static void handler(int sig)
{
	sigset_t now;

	(void)sig;
	signals++;
	sigprocmask(SIG_BLOCK, NULL, &now);
	was_blocked = sigismember(&now, SIGUSR2);
}

static void send(int fd, void *arg)
{
	for (;;) {
		if (away_hear(fd) == 'm')
			away_moved();
		SYS(kill(*(pid_t *)arg, SIGUSR1));
		away_tell(fd, 's');
	}
}

static void after(int helper, int n, bool there)
{
	sigset_t now;

	if (!there)
		away_helped();
	CHECK_EQ(away_hear(helper), 's');
	CHECK_EQ(signals, n);
	/* The mask of the call was in force in the handler, with SIGUSR2 in it. */
	CHECK_EQ(was_blocked, 1);
	SYS(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK(sigismember(&now, SIGUSR1));
	CHECK(!sigismember(&now, SIGUSR2));
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler };
	sigset_t mask, during;
	int helper, pipes[2], ep, n = 0;
	struct pollfd p;
	struct epoll_event event;
	pid_t me = getpid();
	fd_set in;

	sigaction(SIGUSR1, &sa, NULL);
	SYS(pipe(pipes));
	ep = SYS(epoll_create1(0));
	p = (struct pollfd) { pipes[0], POLLIN, 0 };
	away_helper(send, &me, &helper);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	SYS(sigprocmask(SIG_SETMASK, &mask, NULL));
	sigemptyset(&during);
	sigaddset(&during, SIGUSR2);
	while (away_again()) {
		away_tell(helper, 'm');
		away_call("in ppoll");
		CHECK_ERRNO(ppoll(&p, 1, NULL, &during), EINTR);
		after(helper, ++n, false);

		away_tell(helper, 'm');
		away_call("in pselect");
		FD_ZERO(&in);
		FD_SET(pipes[0], &in);
		CHECK_ERRNO(pselect(pipes[0] + 1, &in, NULL, NULL, NULL, &during), EINTR);
		after(helper, ++n, false);

		away_tell(helper, 'm');
		away_call("in epoll_pwait");
		CHECK_ERRNO(epoll_pwait(ep, &event, 1, -1, &during), EINTR);
		after(helper, ++n, false);

		/* Pending before the call. */
		away_tell(helper, 'n');
		CHECK_EQ(away_hear(helper), 's');
		CHECK_EQ(signals, n);
		away_point("with the signal pending");
		CHECK_EQ(signals, n);
		CHECK_ERRNO(ppoll(&p, 1, NULL, &during), EINTR);
		CHECK_EQ(signals, ++n);
	}
	return away_pass();
}
