// SPDX-License-Identifier: GPL-2.0-only
/* flock(2): held over a move, and waited for during one. */

#include "../away.h"

#include <fcntl.h>
#include <sys/file.h>

static void other(int fd, void *arg)
{
	int file = SYS(open("file", O_RDWR));

	(void)arg;
	for (;;) {
		if (away_hear(fd) == 't') {
			CHECK_ERRNO(flock(file, LOCK_EX | LOCK_NB), EAGAIN);
			CHECK_ERRNO(flock(file, LOCK_SH | LOCK_NB), EAGAIN);
			away_tell(fd, 't');
			continue;
		}
		SYS(flock(file, LOCK_SH));
		away_tell(fd, 'l');
		away_moved();
		SYS(flock(file, LOCK_UN));
	}
}

int main(void)
{
	int file = SYS(open("file", O_RDWR | O_CREAT, 0600)), helper;

	away_helper(other, NULL, &helper);
	while (away_again()) {
		SYS(flock(file, LOCK_EX));
		away_point("with the lock");
		away_ask(helper, 't');
		SYS(flock(file, LOCK_UN));
		away_ask(helper, 'l');
		SYS(flock(file, LOCK_SH | LOCK_NB));
		CHECK_ERRNO(flock(file, LOCK_EX | LOCK_NB), EAGAIN);
		away_call("waiting for the lock");
		SYS(flock(file, LOCK_EX));
		away_helped();
		SYS(flock(file, LOCK_UN));
	}
	return away_pass();
}
