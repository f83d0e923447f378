// SPDX-License-Identifier: GPL-2.0-only
/* The window's size, and SIGWINCH when a helper changes it. */

#include "../away.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	(void)sig;
	signals++;
}

static void resize(int fd, void *arg)
{
	struct winsize size = { 24, 80, 0, 0 };

	for (;;) {
		away_hear(fd);
		size.ws_col++;
		SYS(ioctl(*(int *)arg, TIOCSWINSZ, &size));
		away_tell(fd, 'r');
	}
}

int main(void)
{
	int master, slave, helper, round = 0;
	struct winsize size;

	signal(SIGWINCH, handler);
	master = SYS(posix_openpt(O_RDWR | O_NOCTTY));
	SYS(grantpt(master));
	SYS(unlockpt(master));
	/* The driver made this process the leader of its session. */
	slave = SYS(open(ptsname(master), O_RDWR));
	CHECK_EQ(tcgetpgrp(slave), getpgrp());
	away_helper(resize, &master, &helper);
	while (away_again()) {
		away_point("with a terminal of its own");
		away_ask(helper, 'r');
		round++;
		CHECK_EQ(signals, round);
		SYS(ioctl(slave, TIOCGWINSZ, &size));
		CHECK_EQ(size.ws_row, 24);
		CHECK_EQ(size.ws_col, 80 + round);
		CHECK_EQ(tcgetsid(slave), getsid(0));
	}
	return away_pass();
}
