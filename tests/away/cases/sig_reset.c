// SPDX-License-Identifier: GPL-2.0-only
/* SA_RESETHAND works once; the actions are what they are said to be. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	(void)sig;
	signals++;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESETHAND | SA_NODEFER }, old;
	int n = 0;

	sigaddset(&sa.sa_mask, SIGHUP);
	while (away_again()) {
		SYS(sigaction(SIGWINCH, &sa, NULL));
		away_point("with a handler for once");
		SYS(sigaction(SIGWINCH, NULL, &old));
		CHECK(old.sa_handler == handler);
		CHECK_EQ(old.sa_flags & (SA_RESETHAND | SA_NODEFER | SA_RESTART),
			 SA_RESETHAND | SA_NODEFER);
		CHECK(sigismember(&old.sa_mask, SIGHUP));
		CHECK(!sigismember(&old.sa_mask, SIGINT));
		raise(SIGWINCH);
		CHECK_EQ(signals, ++n);
		SYS(sigaction(SIGWINCH, NULL, &old));
		CHECK(old.sa_handler == SIG_DFL);
		/* By default it is ignored. */
		raise(SIGWINCH);
		away_point("after it was used");
		raise(SIGWINCH);
		CHECK_EQ(signals, n);
		SYS(sigaction(SIGWINCH, NULL, &old));
		CHECK(old.sa_handler == SIG_DFL);
		CHECK_ERRNO(sigaction(SIGKILL, &sa, NULL), EINVAL);
		CHECK_ERRNO(kill(getpid(), 99), EINVAL);
		CHECK_ERRNO(kill(0x3fffffff, 0), ESRCH);
		SYS(kill(getpid(), 0));
	}
	return away_pass();
}
