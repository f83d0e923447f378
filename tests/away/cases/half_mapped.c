// SPDX-License-Identifier: GPL-2.0-only
/* Buffers that end in the middle of the mapped: as much as fits, or EFAULT, as at home. */

#include "../away.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGE 4096

int main(void)
{
	char text[2 * PAGE], got[PAGE], *p;
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600)), pipes[2];
	struct iovec v[2];

	away_fill(text, sizeof(text), 5);
	away_write(fd, text, sizeof(text));
	SYS(pipe2(pipes, O_NONBLOCK));
	p = PTR(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	SYS(munmap(p + PAGE, PAGE));
	away_goes_home();
	while (away_again()) {
		memset(p, 0, PAGE);
		away_point("before buffers that are too short");
		CHECK_EQ(pread(fd, p + PAGE - 100, 500, 0), 100);
		CHECK_MEM(p + PAGE - 100, text, 100);
		CHECK_EQ(p[PAGE - 101], 0);
		CHECK_EQ(pread(fd, p + PAGE - 100, 100, 200), 100);
		CHECK_MEM(p + PAGE - 100, text + 200, 100);
		CHECK_ERRNO(pread(fd, p + PAGE, 1, 0), EFAULT);
		away_point("before writing from one");
		CHECK_EQ(pwrite(fd, p + PAGE - 100, 500, 3 * PAGE), 100);
		CHECK_EQ(pread(fd, got, PAGE, 3 * PAGE), 100);
		CHECK_MEM(got, text + 200, 100);
		SYS(ftruncate(fd, 2 * PAGE));
		away_point("before vectors");
		v[0] = (struct iovec) { p, 50 };
		v[1] = (struct iovec) { p + PAGE, 50 };
		CHECK_EQ(preadv(fd, v, 2, 0), 50);
		CHECK_MEM(p, text, 50);
		/* A name that reaches the end of what is there. */
		memcpy(p + PAGE - 5, "file", 5);
		SYS(access(p + PAGE - 5, F_OK));
		memcpy(p + PAGE - 4, "file", 4);
		CHECK_ERRNO(access(p + PAGE - 4, F_OK), EFAULT);
	}
	return away_pass();
}
