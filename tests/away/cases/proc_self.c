// SPDX-License-Identifier: GPL-2.0-only
/* /proc/self is the process at home: its number, name, descriptors and program. */

#include "../away.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	char link[PATH_MAX], want[PATH_MAX], exe[PATH_MAX], cwd[PATH_MAX], *text, *p;
	int fd = SYS(open("some file", O_RDWR | O_CREAT, 0600));
	ssize_t n;

	PTR(getcwd(cwd, sizeof(cwd)));
	n = SYS(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	exe[n] = 0;
	while (away_again()) {
		away_point("before looking at /proc/self");
		text = away_slurp("/proc/self/stat", NULL);
		CHECK_EQ(atoi(text), getpid());
		snprintf(want, sizeof(want), "(%.15s)", strrchr(exe, '/') + 1);
		CHECK(strstr(text, want));
		p = strrchr(text, ')');
		CHECK_EQ(atoi(p + 4), getppid());
		free(text);

		n = SYS(readlink("/proc/self", link, sizeof(link) - 1));
		link[n] = 0;
		CHECK_EQ(atoi(link), getpid());
		n = SYS(readlink("/proc/self/exe", link, sizeof(link) - 1));
		link[n] = 0;
		CHECK_STR(link, exe);
		n = SYS(readlink("/proc/self/cwd", link, sizeof(link) - 1));
		link[n] = 0;
		CHECK_STR(link, cwd);
		snprintf(want, sizeof(want), "/proc/self/fd/%d", fd);
		n = SYS(readlink(want, link, sizeof(link) - 1));
		link[n] = 0;
		CHECK(strstr(link, "/some file"));

		text = away_slurp("/proc/self/status", NULL);
		snprintf(want, sizeof(want), "\nPid:\t%d\n", getpid());
		CHECK(strstr(text, want));
		free(text);
		text = away_slurp("/proc/self/maps", NULL);
		CHECK(strstr(text, exe));
		free(text);
		away_write(fd, "x", 1);
		snprintf(want, sizeof(want), "/proc/self/fdinfo/%d", fd);
		text = away_slurp(want, NULL);
		CHECK_EQ(atoi(text + 4), lseek(fd, 0, SEEK_CUR));
		free(text);
	}
	return away_pass();
}
