// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors: numbers, flags, duplicates, limits. */

#include "../away.h"

#include <fcntl.h>
#include <sys/resource.h>

int main(void)
{
	struct rlimit limit, low;
	int fd = SYS(open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600)), two, i;

	SYS(getrlimit(RLIMIT_NOFILE, &limit));
	while (away_again()) {
		SYS(fcntl(fd, F_SETFL, O_APPEND));
		SYS(dup2(fd, 70));
		away_point("with descriptors");
		CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(fcntl(70, F_GETFD), 0);
		CHECK_EQ(fcntl(70, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
		SYS(fcntl(fd, F_SETFL, 0));
		CHECK_EQ(fcntl(70, F_GETFL) & O_APPEND, 0);
		CHECK_EQ(SYS(fcntl(fd, F_DUPFD, 60)), 60);
		CHECK_EQ(SYS(fcntl(fd, F_DUPFD_CLOEXEC, 60)), 61);
		CHECK_EQ(fcntl(61, F_GETFD), FD_CLOEXEC);
		CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
		SYS(dup3(fd, 62, O_CLOEXEC));
		two = SYS(dup(fd));
		CHECK_EQ(two, fd + 1);
		away_point("with more of them");
		SYS(close_range(60, 62, 0));
		for (i = 60; i < 63; i++)
			CHECK_ERRNO(fcntl(i, F_GETFD), EBADF);
		SYS(close(70));
		SYS(close(two));
		CHECK_ERRNO(close(two), EBADF);
		low = (struct rlimit) { fd + 1, limit.rlim_max };
		SYS(setrlimit(RLIMIT_NOFILE, &low));
		CHECK_ERRNO(dup(fd), EMFILE);
		CHECK_ERRNO(open("file", O_RDONLY), EMFILE);
		CHECK_ERRNO(dup2(fd, fd + 1), EBADF);
		SYS(setrlimit(RLIMIT_NOFILE, &limit));
	}
	return away_pass();
}
