// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading lines from a terminal, with a helper at its other end that types: the
 * terminal's own editing works, and waiting for a line survives moves.
 */

#include "../away.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>

/* Types when the move is over: a word, with a mistake mended, half a line before it. */
static void type(int fd, void *arg)
{
	int master = *(int *)arg;

	for (;;) {
		away_hear(fd);
		away_write(master, "gre", 3);
		away_tell(fd, 't');
		away_moved();
		away_write(master, "p\177en\n", 5);
	}
}

int main(void)
{
	int master = SYS(posix_openpt(O_RDWR | O_NOCTTY)), slave, helper;
	struct termios t;
	char got[100];

	SYS(grantpt(master));
	SYS(unlockpt(master));
	slave = SYS(open(ptsname(master), O_RDWR | O_NOCTTY));
	SYS(tcgetattr(slave, &t));
	t.c_lflag |= ICANON | ECHO | ECHOE;
	t.c_cc[VERASE] = '\177';
	SYS(tcsetattr(slave, TCSANOW, &t));
	away_helper(type, &master, &helper);
	while (away_again()) {
		away_ask(helper, 't');
		away_call("waiting for a line");
		CHECK_EQ(read(slave, got, sizeof(got)), 6);
		away_helped();
		CHECK_MEM(got, "green\n", 6);
		/* What the screen showed. */
		away_read(master, got, 11);
		CHECK_MEM(got, "grep\b \ben\r\n", 11);
		away_point("between lines");
		CHECK(isatty(slave));
		CHECK(!isatty(STDIN_FILENO));
		CHECK_ERRNO(tcgetattr(STDIN_FILENO, &t), ENOTTY);
		away_write(slave, "out\n", 4);
		away_read(master, got, 5);
		CHECK_MEM(got, "out\r\n", 5);
	}
	return away_pass();
}
