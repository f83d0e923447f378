// SPDX-License-Identifier: GPL-2.0-only
/* sigwaitinfo and sigtimedwait: signals that come before, during, and not at all. */

#include "../away.h"

#include <signal.h>

static void send(int fd, void *arg)
{
	for (;;) {
		char c = away_hear(fd);

		if (c == 'm')
			away_moved();
		SYS(sigqueue(*(pid_t *)arg, SIGRTMIN + 3, (union sigval) { .sival_int = c }));
		away_tell(fd, c);
	}
}

int main(void)
{
	struct timespec limit = { 0, 400 * MS };
	pid_t me = getpid(), pid;
	siginfo_t info;
	sigset_t mask;
	int64_t began;
	int helper;

	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN + 3);
	pid = away_helper(send, &me, &helper);
	SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
	while (away_again()) {
		away_ask(helper, 'b');
		away_point("with a signal that waits");
		CHECK_EQ(sigwaitinfo(&mask, &info), SIGRTMIN + 3);
		CHECK_EQ(info.si_value.sival_int, 'b');
		CHECK_EQ(info.si_pid, pid);
		CHECK_EQ(info.si_code, SI_QUEUE);

		away_tell(helper, 'm');
		away_call("waiting for a signal");
		CHECK_EQ(sigwaitinfo(&mask, &info), SIGRTMIN + 3);
		away_helped();
		CHECK_EQ(info.si_value.sival_int, 'm');
		CHECK_EQ(away_hear(helper), 'm');

		began = away_now(CLOCK_MONOTONIC);
		CHECK_ERRNO(sigtimedwait(&mask, &info, &limit), EAGAIN);
		CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 400 * MS - SKEW, 400 * MS + LATE);
		/* To itself. */
		SYS(sigqueue(me, SIGRTMIN + 3, (union sigval) { .sival_int = 99 }));
		CHECK_EQ(sigtimedwait(&mask, &info, &limit), SIGRTMIN + 3);
		CHECK_EQ(info.si_value.sival_int, 99);
		CHECK_EQ(info.si_pid, me);
	}
	return away_pass();
}
