// SPDX-License-Identifier: GPL-2.0-only
/* Symbolic and hard links, and rename in all its forms. */

#include "../away.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static void make(const char *name, const char *text)
{
	int fd = SYS(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600));

	away_write(fd, text, strlen(text));
	close(fd);
}

static void holds(const char *name, const char *text)
{
	char got[64] = "";
	int fd = SYS(open(name, O_RDONLY));

	CHECK_EQ(read(fd, got, 63), (ssize_t)strlen(text));
	CHECK_STR(got, text);
	close(fd);
}

static nlink_t links(const char *name)
{
	struct stat st;

	SYS(lstat(name, &st));
	return st.st_nlink;
}

int main(void)
{
	char got[64];

	while (away_again()) {
		make("a", "first");
		make("b", "second");
		SYS(symlink("a", "s"));
		SYS(link("a", "h"));
		away_point("with links");
		memset(got, '#', sizeof(got));
		CHECK_EQ(readlink("s", got, sizeof(got)), 1);
		CHECK_EQ(got[0], 'a');
		CHECK_EQ(got[1], '#');
		CHECK_ERRNO(readlink("a", got, sizeof(got)), EINVAL);
		CHECK_ERRNO(readlink("none", got, sizeof(got)), ENOENT);
		CHECK_EQ(links("a"), 2);
		holds("s", "first");
		CHECK_ERRNO(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
		CHECK_ERRNO(link("a", "b"), EEXIST);
		SYS(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
		holds("h", "first");
		holds("s", "second");
		CHECK_ERRNO(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
		away_point("after an exchange");
		holds("a", "second");
		holds("b", "first");
		SYS(rename("a", "b"));
		CHECK_ERRNO(open("a", O_RDONLY), ENOENT);
		CHECK_ERRNO(open("s", O_RDONLY), ENOENT);
		CHECK_EQ(links("h"), 1);
		SYS(symlinkat("s", AT_FDCWD, "a"));
		CHECK_ERRNO(open("s", O_RDONLY), ELOOP);
		SYS(unlink("a"));
		SYS(unlink("b"));
		SYS(unlink("s"));
		SYS(unlink("h"));
		CHECK_ERRNO(unlink("h"), ENOENT);
	}
	return away_pass();
}
