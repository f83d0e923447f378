// SPDX-License-Identifier: GPL-2.0-only
/* Waiting in read(2) of an empty pipe, and for its end. */

#include "../away.h"

#include <fcntl.h>

static void write_later(int fd, void *arg)
{
	(void)arg;
	for (;;) {
		away_hear(fd);
		away_moved();
		away_write(fd, "five!", 5);
	}
}

static void close_later(int fd, void *arg)
{
	int *pipes = arg;

	(void)fd;
	close(pipes[0]);
	away_moved();
}

int main(void)
{
	char got[100];
	int helper, pipes[2];

	away_helper(write_later, NULL, &helper);
	SYS(pipe2(pipes, O_CLOEXEC));
	away_helper(close_later, pipes, NULL);
	close(pipes[1]);
	/* The first waiter of all: only this helper listens now. */
	away_call("waiting for the end of a pipe");
	CHECK_EQ(read(pipes[0], got, sizeof(got)), 0);
	away_helped();
	CHECK_EQ(read(pipes[0], got, sizeof(got)), 0);
	while (away_again()) {
		memset(got, '#', sizeof(got));
		away_tell(helper, 'w');
		away_call("waiting for data");
		CHECK_EQ(read(helper, got, sizeof(got)), 5);
		away_helped();
		CHECK_MEM(got, "five!#", 6);
	}
	return away_pass();
}
