// SPDX-License-Identifier: GPL-2.0-only
/* mmap(2) refuses the same things everywhere. */

#include "../away.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define MAP(len, prot, flags, fd, off) \
	((long)mmap(NULL, len, prot, flags, fd, off))

int main(void)
{
	int fd, wr;

	away_goes_home();
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	SYS(ftruncate(fd, PAGE));
	wr = SYS(open("file", O_WRONLY));
	while (away_again()) {
		away_point("before wrong calls");
		CHECK_ERRNO(MAP(PAGE, PROT_READ, MAP_PRIVATE, 999, 0), EBADF);
		CHECK_ERRNO(MAP(0, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL);
		CHECK_ERRNO(MAP(PAGE, PROT_READ, MAP_PRIVATE, fd, 5), EINVAL);
		CHECK_ERRNO(MAP(PAGE, PROT_READ, MAP_PRIVATE, wr, 0), EACCES);
		CHECK_ERRNO(MAP(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
		CHECK_ERRNO(MAP(1UL << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			    ENOMEM);
		CHECK_ERRNO(munmap((void *)1, PAGE), EINVAL);
		CHECK_ERRNO(mprotect((void *)(1UL << 40), PAGE, PROT_READ), ENOMEM);
		CHECK_ERRNO(madvise((void *)1, PAGE, MADV_DONTNEED), EINVAL);
		/* Neither shared nor private. */
		CHECK_ERRNO(MAP(PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	}
	return away_pass();
}
