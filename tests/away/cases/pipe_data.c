// SPDX-License-Identifier: GPL-2.0-only
/* Data in a pipe stay in it; a full one says so, or makes its writer wait. */

#include "../away.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#define SIZE 65536

/* Empties the pipe when the move is over. */
static void drain(int fd, void *arg)
{
	static char got[SIZE];

	for (;;) {
		away_hear(fd);
		away_moved();
		away_read(*(int *)arg, got, SIZE);
		CHECK_FILLED(got, SIZE, 2);
		away_tell(fd, 'd');
	}
}

int main(void)
{
	static char text[SIZE], got[SIZE];
	int pipes[2], helper, n;

	SYS(pipe2(pipes, O_CLOEXEC));
	SYS(fcntl(pipes[1], F_SETPIPE_SZ, SIZE));
	away_fill(text, SIZE, 2);
	away_helper(drain, &pipes[0], &helper);
	while (away_again()) {
		away_write(pipes[1], text, 10000);
		away_point("with data in a pipe");
		SYS(ioctl(pipes[0], FIONREAD, &n));
		CHECK_EQ(n, 10000);
		away_read(pipes[0], got, 10000);
		CHECK_MEM(got, text, 10000);

		away_write(pipes[1], text, SIZE);
		SYS(fcntl(pipes[1], F_SETFL, O_NONBLOCK));
		SYS(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
		away_point("with a full pipe");
		CHECK_ERRNO(write(pipes[1], text, 1), EAGAIN);
		CHECK_EQ(poll(&(struct pollfd) { pipes[1], POLLOUT, 0 }, 1, 0), 0);
		CHECK_EQ(SYS(fcntl(pipes[0], F_GETPIPE_SZ)), SIZE);
		SYS(fcntl(pipes[1], F_SETFL, 0));
		SYS(fcntl(pipes[0], F_SETFL, 0));

		away_tell(helper, 'd');
		away_call("writing into a full pipe");
		away_write(pipes[1], "last one", 8);
		away_helped();
		CHECK_EQ(away_hear(helper), 'd');
		CHECK_EQ(read(pipes[0], got, SIZE), 8);
		CHECK_MEM(got, "last one", 8);
	}
	return away_pass();
}
