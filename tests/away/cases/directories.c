// SPDX-License-Identifier: GPL-2.0-only
/* A folder read in pieces, with a move between them; made, left and removed. */

#include "../away.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define FILES 300

static bool seen[FILES];

/* The entries of one getdents64(2) with a small buffer; how many bytes. */
static long some(int fd)
{
	char buf[512];
	long n = SYS(syscall(SYS_getdents64, fd, buf, sizeof(buf))), at;

	for (at = 0; at < n;) {
		struct dirent64 *d = (struct dirent64 *)(buf + at);

		at += d->d_reclen;
		if (d->d_name[0] == '.')
			continue;
		CHECK_EQ(d->d_type, DT_REG);
		CHECK(!seen[atoi(d->d_name)]);
		seen[atoi(d->d_name)] = true;
	}
	return n;
}

int main(void)
{
	char name[300];
	DIR *dir;
	int fd, i;
	long at;

	SYS(mkdir("many", 0700));
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		close(SYS(open(name, O_WRONLY | O_CREAT, 0600)));
	}
	fd = SYS(open("many", O_RDONLY | O_DIRECTORY));
	while (away_again()) {
		memset(seen, 0, sizeof(seen));
		SYS(lseek(fd, 0, SEEK_SET));
		for (i = 0; i < 5; i++)
			CHECK(some(fd) > 0);
		away_point("in the middle of a folder");
		while (some(fd))
			;
		for (i = 0; i < FILES; i++)
			CHECK(seen[i]);
		dir = PTR(opendir("many"));
		for (i = 0; i < 40; i++)
			PTR(readdir(dir));
		at = telldir(dir);
		snprintf(name, sizeof(name), "%s", readdir(dir)->d_name);
		away_point("in the middle of readdir");
		PTR(readdir(dir));
		seekdir(dir, at);
		CHECK_STR(readdir(dir)->d_name, name);
		rewinddir(dir);
		for (i = 0; readdir(dir); i++)
			;
		CHECK_EQ(i, FILES + 2);
		closedir(dir);
		SYS(mkdir("new", 0755));
		CHECK_ERRNO(mkdir("new", 0755), EEXIST);
		CHECK_ERRNO(rmdir("many"), ENOTEMPTY);
		SYS(mkdirat(AT_FDCWD, "new/deeper", 0755));
		SYS(rmdir("new/deeper"));
		SYS(rmdir("new"));
		CHECK_ERRNO(rmdir("new"), ENOENT);
	}
	return away_pass();
}
