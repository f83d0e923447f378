// SPDX-License-Identifier: GPL-2.0-only
/* A file without a name any more, and one that never had any. */

#include "../away.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int main(void)
{
	char text[5000], got[5000], path[64];
	struct stat st;
	int fd, tmp;

	while (away_again()) {
		away_fill(text, sizeof(text), 3);
		fd = SYS(open("file", O_RDWR | O_CREAT | O_EXCL, 0600));
		away_write(fd, text, sizeof(text));
		SYS(unlink("file"));
		tmp = SYS(open(".", O_RDWR | O_TMPFILE, 0600));
		away_write(tmp, text, 100);
		away_point("with files that have no name");
		SYS(fstat(fd, &st));
		CHECK_EQ(st.st_nlink, 0);
		CHECK_EQ(pread(fd, got, sizeof(got), 0), sizeof(got));
		CHECK_MEM(got, text, sizeof(text));
		CHECK_ERRNO(access("file", F_OK), ENOENT);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", tmp);
		SYS(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
		SYS(stat("named", &st));
		CHECK_EQ(st.st_size, 100);
		SYS(unlink("named"));
		close(fd);
		close(tmp);
	}
	return away_pass();
}
