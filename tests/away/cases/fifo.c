// SPDX-License-Identifier: GPL-2.0-only
/* A FIFO: waiting in open(2) for the other side, and in read(2). */

#include "../away.h"

#include <fcntl.h>
#include <sys/stat.h>

static void write_side(int fd, void *arg)
{
	int fifo;

	(void)arg;
	for (;;) {
		away_hear(fd);
		away_moved();
		fifo = SYS(open("fifo", O_WRONLY));
		away_tell(fd, 'o');
		away_hear(fd);
		away_moved();
		away_write(fifo, "through", 7);
		close(fifo);
	}
}

int main(void)
{
	char got[20];
	int helper, fifo;

	SYS(mkfifo("fifo", 0600));
	away_helper(write_side, NULL, &helper);
	while (away_again()) {
		CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
		away_tell(helper, 'o');
		away_call("opening a FIFO");
		fifo = SYS(open("fifo", O_RDONLY));
		away_helped();
		CHECK_EQ(away_hear(helper), 'o');
		away_tell(helper, 'w');
		away_call("reading from a FIFO");
		CHECK_EQ(read(fifo, got, sizeof(got)), 7);
		away_helped();
		CHECK_MEM(got, "through", 7);
		CHECK_EQ(read(fifo, got, sizeof(got)), 0);
		close(fifo);
	}
	return away_pass();
}
