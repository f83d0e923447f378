// SPDX-License-Identifier: GPL-2.0-only
/* A call ended by a signal: made again with SA_RESTART, EINTR without, EINTR always for some. */

#include "../away.h"

#include <poll.h>
#include <signal.h>

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	(void)sig;
	signals++;
}

/* When the move is over: a signal, and then a byte. */
static void send(int fd, void *arg)
{
	for (;;) {
		char c = away_hear(fd);

		away_moved();
		away_asleep();
		SYS(kill(*(pid_t *)arg, SIGUSR1));
		away_asleep();
		away_tell(fd, c);
	}
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler };
	pid_t me = getpid();
	int helper;
	char c;

	away_helper(send, &me, &helper);
	while (away_again()) {
		signals = 0;
		sa.sa_flags = SA_RESTART;
		sigaction(SIGUSR1, &sa, NULL);
		away_tell(helper, 'r');
		away_call("reading, to be made again");
		CHECK_EQ(read(helper, &c, 1), 1);
		away_helped();
		CHECK_EQ(c, 'r');
		CHECK_EQ(signals, 1);

		/* SA_RESTART or not, poll(2) ends. */
		away_tell(helper, 'p');
		away_call("in poll");
		CHECK_ERRNO(poll(&(struct pollfd) { helper, POLLIN, 0 }, 1, -1), EINTR);
		away_helped();
		CHECK_EQ(away_hear(helper), 'p');
		CHECK_EQ(signals, 2);

		sa.sa_flags = 0;
		sigaction(SIGUSR1, &sa, NULL);
		away_tell(helper, 'i');
		away_call("reading, to be ended");
		CHECK_ERRNO(read(helper, &c, 1), EINTR);
		away_helped();
		CHECK_EQ(signals, 3);
		CHECK_EQ(away_hear(helper), 'i');

		/* An ignored one ends nothing. */
		signal(SIGUSR1, SIG_IGN);
		away_tell(helper, 'g');
		away_call("in poll, with the signal ignored");
		CHECK_EQ(poll(&(struct pollfd) { helper, POLLIN, 0 }, 1, 10000), 1);
		away_helped();
		CHECK_EQ(away_hear(helper), 'g');
		CHECK_EQ(signals, 3);
	}
	return away_pass();
}
