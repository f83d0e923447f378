// SPDX-License-Identifier: GPL-2.0-only
/* Record locks belong to the process wherever it computes; others see its PID at home. */

#include "../away.h"

#include <fcntl.h>

static struct flock range(short type, off_t start, off_t len)
{
	return (struct flock) { .l_type = type, .l_whence = SEEK_SET,
				.l_start = start, .l_len = len };
}

/* Another process: 't' tries to lock byte 0, 'l' locks 100 until the move is over. */
static void other(int fd, void *arg)
{
	int file = SYS(open("file", O_RDWR));
	pid_t owner = *(pid_t *)arg;
	struct flock l;

	for (;;) {
		char c = away_hear(fd);

		if (c == 't') {
			l = range(F_WRLCK, 0, 1);
			CHECK_ERRNO(fcntl(file, F_SETLK, &l), EAGAIN);
			SYS(fcntl(file, F_GETLK, &l));
			CHECK_EQ(l.l_type, F_WRLCK);
			CHECK_EQ(l.l_pid, owner);
			CHECK_EQ(l.l_start, 0);
			CHECK_EQ(l.l_len, 10);
		} else {
			l = range(F_WRLCK, 100, 1);
			SYS(fcntl(file, F_SETLKW, &l));
		}
		away_tell(fd, c);
		if (c == 'l') {
			away_moved();
			l = range(F_UNLCK, 100, 1);
			SYS(fcntl(file, F_SETLK, &l));
		}
	}
}

int main(void)
{
	int file = SYS(open("file", O_RDWR | O_CREAT, 0600)), helper;
	pid_t me = getpid(), pid;
	struct flock l;

	pid = away_helper(other, &me, &helper);
	while (away_again()) {
		l = range(F_WRLCK, 0, 10);
		SYS(fcntl(file, F_SETLK, &l));
		away_point("with a lock");
		away_ask(helper, 't');
		away_ask(helper, 'l');
		l = range(F_WRLCK, 100, 1);
		CHECK_ERRNO(fcntl(file, F_SETLK, &l), EAGAIN);
		SYS(fcntl(file, F_GETLK, &l));
		CHECK_EQ(l.l_pid, pid);
		l = range(F_WRLCK, 90, 20);
		away_call("waiting for a lock");
		SYS(fcntl(file, F_SETLKW, &l));
		away_helped();
		/* A deadlock is none: it is ours now. */
		l = range(F_UNLCK, 0, 0);
		SYS(fcntl(file, F_SETLK, &l));
	}
	return away_pass();
}
