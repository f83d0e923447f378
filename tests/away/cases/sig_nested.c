// SPDX-License-Identifier: GPL-2.0-only
/* Handlers within handlers, moved in the innermost; the masks on the way back are right. */

#include "../away.h"

#include <signal.h>

static volatile sig_atomic_t depth, deepest, same;

static bool blocked(int sig)
{
	sigset_t now;

	SYS(sigprocmask(SIG_BLOCK, NULL, &now));
	return sigismember(&now, sig);
}

static void inner(int sig)
{
	(void)sig;
	deepest = ++depth;
	CHECK(blocked(SIGUSR2));
	CHECK(blocked(SIGHUP));
	away_point("in a handler within a handler");
	CHECK(blocked(SIGUSR1));
	CHECK(blocked(SIGUSR2));
	CHECK(blocked(SIGHUP));
	depth--;
}

static void outer(int sig)
{
	(void)sig;
	depth++;
	CHECK(blocked(SIGUSR1));
	CHECK(!blocked(SIGUSR2));
	raise(SIGUSR2);
	CHECK_EQ(deepest, 2);
	CHECK(!blocked(SIGUSR2));
	CHECK(!blocked(SIGHUP));
	depth--;
}

static void again(int sig)
{
	(void)sig;
	same++;
	away_point("in a handler that may be entered again");
	if (same < 4)
		raise(SIGWINCH);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = outer };

	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = inner;
	sigaddset(&sa.sa_mask, SIGHUP);
	sigaction(SIGUSR2, &sa, NULL);
	sa = (struct sigaction) { .sa_handler = again, .sa_flags = SA_NODEFER };
	sigaction(SIGWINCH, &sa, NULL);
	while (away_again()) {
		same = 0;
		deepest = 0;
		raise(SIGUSR1);
		CHECK_EQ(deepest, 2);
		CHECK_EQ(depth, 0);
		raise(SIGWINCH);
		CHECK_EQ(same, 4);
		CHECK(!blocked(SIGUSR1));
		CHECK(!blocked(SIGHUP));
	}
	return away_pass();
}
