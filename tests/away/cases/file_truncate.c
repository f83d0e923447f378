// SPDX-License-Identifier: GPL-2.0-only
/* truncate, ftruncate and fallocate: sizes, holes of zeroes, and what is left. */

#include "../away.h"

#include <fcntl.h>
#include <sys/stat.h>

static off_t size_of(int fd)
{
	struct stat st;

	SYS(fstat(fd, &st));
	return st.st_size;
}

int main(void)
{
	char text[4096], got[4096];
	int fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	size_t i;

	away_fill(text, sizeof(text), 2);
	while (away_again()) {
		SYS(ftruncate(fd, 0));
		away_write(fd, text, sizeof(text));
		SYS(ftruncate(fd, 1000));
		away_point("made shorter");
		CHECK_EQ(size_of(fd), 1000);
		SYS(truncate("file", 3000));
		CHECK_EQ(pread(fd, got, sizeof(got), 0), 3000);
		CHECK_MEM(got, text, 1000);
		for (i = 1000; i < 3000; i++)
			CHECK_EQ(got[i], 0);
		away_point("made longer");
		CHECK_EQ(size_of(fd), 3000);
		SYS(fallocate(fd, 0, 0, 50000));
		CHECK_EQ(size_of(fd), 50000);
		SYS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
		CHECK_EQ(pread(fd, got, 1, 0), 1);
		CHECK_EQ(got[0], 0);
		CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
		CHECK_ERRNO(truncate("none", 1), ENOENT);
		CHECK_ERRNO(ftruncate(STDIN_FILENO, 1), EINVAL);
		SYS(lseek(fd, 0, SEEK_SET));
	}
	return away_pass();
}
