// SPDX-License-Identifier: GPL-2.0-only
/* Current folder and umask stay, relative names start where they should. */

#include "../away.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

int main(void)
{
	char start[PATH_MAX], got[PATH_MAX], want[PATH_MAX + 16];
	struct stat st;
	int top, fd;

	PTR(getcwd(start, sizeof(start)));
	top = SYS(open(".", O_RDONLY | O_DIRECTORY));
	SYS(mkdir("below", 0700));
	snprintf(want, sizeof(want), "%s/below", start);
	while (away_again()) {
		SYS(chdir("below"));
		umask(027);
		away_point("in another folder");
		PTR(getcwd(got, sizeof(got)));
		CHECK_STR(got, want);
		CHECK_ERRNO(getcwd(got, 3) ? 0 : -1, ERANGE);
		fd = SYS(open("made", O_WRONLY | O_CREAT, 0666));
		SYS(fstat(fd, &st));
		CHECK_EQ(st.st_mode & 07777, 0640);
		close(fd);
		CHECK_EQ(umask(077), 027);
		SYS(unlinkat(top, "below/made", 0));
		fd = SYS(openat(top, "from-top", O_WRONLY | O_CREAT, 0666));
		SYS(fstat(fd, &st));
		CHECK_EQ(st.st_mode & 07777, 0600);
		close(fd);
		SYS(fchdir(top));
		away_point("back again");
		PTR(getcwd(got, sizeof(got)));
		CHECK_STR(got, start);
		SYS(access("from-top", F_OK));
		SYS(unlink("from-top"));
		CHECK_EQ(umask(022), 077);
		CHECK_ERRNO(chdir("none"), ENOENT);
		CHECK_ERRNO(openat(fd, "x", O_RDONLY), EBADF);
	}
	return away_pass();
}
