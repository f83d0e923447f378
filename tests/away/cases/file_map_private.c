// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private mappings of files: untouched pages are the file's, written ones the
 * program's own, and the file stays as it is.
 */

#include "../away.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096UL
#define SIZE (256 * PAGE)

int main(void)
{
	static char bytes[SIZE], own[PAGE];
	char *clean, *dirty, *fresh;
	uint64_t round = 0;
	int fd;

	away_fill(bytes, SIZE, 1);
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	away_write(fd, bytes, SIZE);
	clean = PTR(mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0));
	dirty = PTR(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	CHECK_EQ(clean[PAGE], bytes[PAGE]);
	while (away_again()) {
		size_t changed = (round % 200 + 3) * PAGE, i;

		away_fill(own, PAGE, ++round);
		memcpy(dirty + changed, own, PAGE);
		away_point("with pages of a file");
		CHECK_MEM(clean, bytes, SIZE);
		CHECK_MEM(dirty + changed, own, PAGE);
		for (i = changed + PAGE; i < SIZE; i += PAGE)
			CHECK_MEM(dirty + i, bytes + i, PAGE);
		SYS(pread(fd, own, PAGE, changed));
		CHECK_MEM(own, bytes + changed, PAGE);
		/* One made after the move, from the middle of the file. */
		fresh = PTR(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				 fd, 64 * PAGE));
		CHECK_MEM(fresh, bytes + 64 * PAGE, 8 * PAGE);
		fresh[PAGE + 1] = 77;
		away_point("with one made here");
		CHECK_MEM(fresh, bytes + 64 * PAGE, PAGE);
		CHECK_EQ(fresh[PAGE + 1], 77);
		SYS(munmap(fresh, 8 * PAGE));
	}
	return away_pass();
}
