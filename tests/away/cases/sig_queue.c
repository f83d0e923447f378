// SPDX-License-Identifier: GPL-2.0-only
/* Queued real-time signals come all, lowest first, each number's in their order. */

#include "../away.h"

#include <signal.h>

#define EACH 20

static volatile sig_atomic_t got, number[2 * EACH], value[2 * EACH];

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (got < 2 * EACH) {
		number[got] = sig;
		value[got] = info->si_value.sival_int;
	}
	got++;
}

static void send(int fd, void *arg)
{
	union sigval v;
	int i;

	for (;;) {
		away_hear(fd);
		for (i = 0; i < EACH; i++) {
			v.sival_int = i;
			SYS(sigqueue(*(pid_t *)arg, SIGRTMIN + 5, v));
			v.sival_int = i + 1000;
			SYS(sigqueue(*(pid_t *)arg, SIGRTMIN + 4, v));
		}
		away_tell(fd, 's');
	}
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	pid_t me = getpid();
	sigset_t mask;
	int helper, i;

	sigemptyset(&mask);
	sigaddset(&mask, SIGRTMIN + 4);
	sigaddset(&mask, SIGRTMIN + 5);
	/* One at a time: the second kind does not interrupt the first. */
	sa.sa_mask = mask;
	sigaction(SIGRTMIN + 4, &sa, NULL);
	sigaction(SIGRTMIN + 5, &sa, NULL);
	away_helper(send, &me, &helper);
	while (away_again()) {
		got = 0;
		SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
		away_ask(helper, 's');
		away_point("with forty signals in the queue");
		CHECK_EQ(got, 0);
		SYS(sigprocmask(SIG_UNBLOCK, &mask, NULL));
		/* All there were are delivered before anything else is done. */
		CHECK_EQ(got, 2 * EACH);
		for (i = 0; i < EACH; i++) {
			CHECK_EQ(number[i] - SIGRTMIN, 4);
			CHECK_EQ(value[i], i + 1000);
			CHECK_EQ(number[EACH + i] - SIGRTMIN, 5);
			CHECK_EQ(value[EACH + i], i);
		}
	}
	return away_pass();
}
