// SPDX-License-Identifier: GPL-2.0-only
/* A file in memory: written, sealed, and mapped privately. */

#include "../away.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#define SIZE 20000

int main(void)
{
	static char text[SIZE], got[SIZE];
	char *p;
	int fd;

	away_fill(text, SIZE, 3);
	while (away_again()) {
		fd = SYS(memfd_create("away", MFD_ALLOW_SEALING | MFD_CLOEXEC));
		away_write(fd, text, SIZE);
		away_point("with a file in memory");
		CHECK_EQ(pread(fd, got, SIZE, 0), SIZE);
		CHECK_MEM(got, text, SIZE);
		SYS(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE));
		p = PTR(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
		CHECK_MEM(p, text, SIZE);
		p[0]++;
		away_point("sealed and mapped");
		CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_WRITE);
		CHECK_ERRNO(pwrite(fd, text, 1, 0), EPERM);
		CHECK_ERRNO(ftruncate(fd, 1), EPERM);
		CHECK_EQ(p[0], (char)(text[0] + 1));
		CHECK_MEM(p + 1, text + 1, SIZE - 1);
		SYS(munmap(p, SIZE));
		close(fd);
	}
	return away_pass();
}
