// SPDX-License-Identifier: GPL-2.0-only
/* Locks of open file descriptions: between two of the same process. */

#include "../away.h"

#include <fcntl.h>

int main(void)
{
	int one = SYS(open("file", O_RDWR | O_CREAT, 0600)), two = SYS(open("file", O_RDWR));
	struct flock l;

	while (away_again()) {
		l = (struct flock) { .l_type = F_WRLCK, .l_start = 5, .l_len = 10 };
		SYS(fcntl(one, F_OFD_SETLK, &l));
		away_point("with a lock of a description");
		l = (struct flock) { .l_type = F_RDLCK, .l_start = 14, .l_len = 1 };
		CHECK_ERRNO(fcntl(two, F_OFD_SETLK, &l), EAGAIN);
		SYS(fcntl(two, F_OFD_GETLK, &l));
		CHECK_EQ(l.l_type, F_WRLCK);
		CHECK_EQ(l.l_start, 5);
		CHECK_EQ(l.l_pid, -1);
		l = (struct flock) { .l_type = F_UNLCK, .l_start = 12, .l_len = 3 };
		SYS(fcntl(one, F_OFD_SETLK, &l));
		away_point("with a part of it");
		l = (struct flock) { .l_type = F_WRLCK, .l_start = 12, .l_len = 3 };
		SYS(fcntl(two, F_OFD_SETLK, &l));
		l = (struct flock) { .l_type = F_WRLCK, .l_start = 11, .l_len = 1 };
		CHECK_ERRNO(fcntl(two, F_OFD_SETLK, &l), EAGAIN);
		l = (struct flock) { .l_type = F_UNLCK };
		SYS(fcntl(one, F_OFD_SETLK, &l));
		SYS(fcntl(two, F_OFD_SETLK, &l));
	}
	return away_pass();
}
