// SPDX-License-Identifier: GPL-2.0-only
/* A shared mapping that nobody here can write through does not keep anyone at home. */

#include "../away.h"

#include <fcntl.h>
#include <sys/mman.h>

#define SIZE (64UL << 10)

int main(void)
{
	static char bytes[SIZE];
	char *p;
	int fd;

	away_fill(bytes, SIZE, 8);
	fd = SYS(open("file", O_WRONLY | O_CREAT, 0600));
	away_write(fd, bytes, SIZE);
	close(fd);
	fd = SYS(open("file", O_RDONLY));
	p = PTR(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
	while (away_again()) {
		away_point("with a shared mapping, to be read only");
		CHECK_MEM(p, bytes, SIZE);
		CHECK_ERRNO(mprotect(p, 4096, PROT_READ | PROT_WRITE), EACCES);
	}
	return away_pass();
}
