// SPDX-License-Identifier: GPL-2.0-only
/* ^C typed by a helper: SIGINT ends read(2) with EINTR, or starts it again. */

#include "../away.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	(void)sig;
	signals++;
}

static void type(int fd, void *arg)
{
	int master = *(int *)arg;

	/* It belongs to the same job. */
	signal(SIGINT, SIG_IGN);
	for (;;) {
		char c = away_hear(fd);

		away_moved();
		away_asleep();
		away_write(master, "\003", 1);
		if (c == 'l')
			away_write(master, "line\n", 5);
	}
}

int main(void)
{
	struct sigaction sa = { .sa_handler = handler };
	int master, slave, helper;
	char got[20];

	master = SYS(posix_openpt(O_RDWR | O_NOCTTY));
	SYS(grantpt(master));
	SYS(unlockpt(master));
	slave = SYS(open(ptsname(master), O_RDWR));
	away_helper(type, &master, &helper);
	while (away_again()) {
		signals = 0;
		sa.sa_flags = 0;
		sigaction(SIGINT, &sa, NULL);
		away_tell(helper, 'c');
		away_call("reading from the terminal");
		CHECK_ERRNO(read(slave, got, sizeof(got)), EINTR);
		away_helped();
		CHECK_EQ(signals, 1);
		sa.sa_flags = SA_RESTART;
		sigaction(SIGINT, &sa, NULL);
		away_tell(helper, 'l');
		away_call("reading, to be started again");
		CHECK_EQ(read(slave, got, sizeof(got)), 5);
		away_helped();
		CHECK_EQ(signals, 2);
		CHECK_MEM(got, "line\n", 5);
	}
	return away_pass();
}
