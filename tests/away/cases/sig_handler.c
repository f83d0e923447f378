// SPDX-License-Identifier: GPL-2.0-only
/* Handlers run for signals from another process, with all that is known of them. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals;
static siginfo_t seen;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	seen = *info;
	signals++;
}

static void send(int fd, void *arg)
{
	for (;;) {
		char c = away_hear(fd);

		SYS(kill(*(pid_t *)arg, c == '1' ? SIGUSR1 : SIGUSR2));
		away_tell(fd, c);
	}
}

static void wait_signals(int n)
{
	int64_t limit = away_now(CLOCK_MONOTONIC) + 20 * SECOND;

	while (signals < n)
		if (away_now(CLOCK_MONOTONIC) > limit)
			FAIL("%d signals of %d after 20 s", signals, n);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO }, old;
	pid_t me = getpid(), pid;
	int helper;

	sigaction(SIGUSR1, &sa, NULL);
	pid = away_helper(send, &me, &helper);
	while (away_again()) {
		signals = 0;
		away_ask(helper, '1');
		wait_signals(1);
		away_point("with handlers");
		CHECK_EQ(signals, 1);
		away_tell(helper, '1');
		/* No system call until it is here. */
		wait_signals(2);
		CHECK_EQ(away_hear(helper), '1');
		CHECK_EQ(seen.si_signo, SIGUSR1);
		CHECK_EQ(seen.si_code, SI_USER);
		CHECK_EQ(seen.si_pid, pid);
		CHECK_EQ(seen.si_uid, getuid());
		/* Installed where the program is now. */
		SYS(sigaction(SIGUSR2, &sa, &old));
		CHECK(old.sa_handler == SIG_DFL);
		away_ask(helper, '2');
		wait_signals(3);
		CHECK_EQ(seen.si_signo, SIGUSR2);
		SYS(sigaction(SIGUSR2, &old, NULL));
		raise(SIGUSR1);
		CHECK_EQ(signals, 4);
		CHECK_EQ(seen.si_code, SI_TKILL);
		CHECK_EQ(seen.si_pid, me);
		SYS(sigaction(SIGUSR1, NULL, &old));
		CHECK(old.sa_sigaction == handler);
		CHECK_EQ(old.sa_flags & SA_SIGINFO, SA_SIGINFO);
	}
	return away_pass();
}
