// SPDX-License-Identifier: GPL-2.0-only
/* eventfd: counter, semaphore, waiting, and being full. */

#include "../away.h"

#include <poll.h>
#include <sys/eventfd.h>

static void add_later(int fd, void *arg)
{
	for (;;) {
		away_hear(fd);
		away_moved();
		SYS(eventfd_write(*(int *)arg, 5));
	}
}

int main(void)
{
	int fd = SYS(eventfd(0, 0)), sem = SYS(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK)), helper;
	eventfd_t value;

	away_helper(add_later, &fd, &helper);
	while (away_again()) {
		SYS(eventfd_write(fd, 7));
		SYS(eventfd_write(fd, 1ULL << 40));
		SYS(eventfd_write(sem, 2));
		away_point("with counts in them");
		SYS(eventfd_read(fd, &value));
		CHECK_EQ(value, (1ULL << 40) + 7);
		SYS(eventfd_read(sem, &value));
		CHECK_EQ(value, 1);
		SYS(eventfd_read(sem, &value));
		CHECK_ERRNO(eventfd_read(sem, &value), EAGAIN);
		SYS(eventfd_write(sem, 0xfffffffffffffffe));
		CHECK_ERRNO(eventfd_write(sem, 1), EAGAIN);
		CHECK_EQ(poll(&(struct pollfd) { sem, POLLIN | POLLOUT, 0 }, 1, 0), 1);
		CHECK_ERRNO(write(sem, &value, 4), EINVAL);
		away_tell(helper, 'a');
		away_call("waiting for a count");
		SYS(eventfd_read(fd, &value));
		away_helped();
		CHECK_EQ(value, 5);
		close(sem);
		sem = SYS(eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
	}
	return away_pass();
}
