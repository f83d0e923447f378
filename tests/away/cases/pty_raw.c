// SPDX-License-Identifier: GPL-2.0-only
/* A terminal in raw mode: single characters, a time limit, and no echo. */

#include "../away.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

int main(void)
{
	int master = SYS(posix_openpt(O_RDWR | O_NOCTTY)), slave, n;
	struct termios t, now;
	int64_t began;
	char got[10];

	SYS(grantpt(master));
	SYS(unlockpt(master));
	slave = SYS(open(ptsname(master), O_RDWR | O_NOCTTY));
	SYS(tcgetattr(slave, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 3;
	while (away_again()) {
		SYS(tcsetattr(slave, TCSAFLUSH, &t));
		away_write(master, "\003x", 2);
		away_point("in raw mode");
		SYS(tcgetattr(slave, &now));
		CHECK_MEM(&now.c_lflag, &t.c_lflag, sizeof(t.c_lflag));
		CHECK_EQ(now.c_cc[VTIME], 3);
		/* The other side's typing comes through a kernel thread. */
		CHECK_EQ(poll(&(struct pollfd) { slave, POLLIN, 0 }, 1, 20000), 1);
		SYS(ioctl(slave, FIONREAD, &n));
		CHECK_EQ(n, 2);
		CHECK_EQ(read(slave, got, 10), 2);
		CHECK_MEM(got, "\003x", 2);
		began = away_now(CLOCK_MONOTONIC);
		CHECK_EQ(read(slave, got, 10), 0);
		CHECK_IN(away_now(CLOCK_MONOTONIC) - began, 300 * MS - SKEW, 300 * MS + LATE);
		away_write(master, "lost", 4);
		CHECK_EQ(poll(&(struct pollfd) { slave, POLLIN, 0 }, 1, 20000), 1);
		SYS(tcflush(slave, TCIFLUSH));
		SYS(ioctl(slave, FIONREAD, &n));
		CHECK_EQ(n, 0);
		away_write(slave, "a\n", 2);
		SYS(tcdrain(slave));
		away_read(master, got, 2);
		CHECK_MEM(got, "a\n", 2);
	}
	return away_pass();
}
