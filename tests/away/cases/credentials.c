// SPDX-License-Identifier: GPL-2.0-only
/* A process that gives rights away has them no more, wherever it does so. */

#include "../away.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static uint32_t effective(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	SYS(syscall(SYS_capget, &h, d));
	return d[0].effective;
}

int main(void)
{
	int fd;

	if (geteuid())
		away_skip("not the superuser");
	close(SYS(open("mine", O_WRONLY | O_CREAT, 0600)));
	SYS(chmod(".", 0755));
	while (away_again()) {
		SYS(setegid(1000));
		SYS(seteuid(1000));
		away_point("as somebody else for a while");
		CHECK_EQ(geteuid(), 1000);
		CHECK_EQ(getuid(), 0);
		CHECK_EQ(effective(), 0);
		CHECK_ERRNO(open("mine", O_RDONLY), EACCES);
		CHECK_ERRNO(open("new", O_WRONLY | O_CREAT, 0600), EACCES);
		SYS(seteuid(0));
		SYS(setegid(0));
		CHECK(effective());
		fd = SYS(open("mine", O_RDWR));
		away_point("as itself again");
		CHECK_EQ(geteuid(), 0);
		CHECK_EQ(getegid(), 0);
		SYS(fchown(fd, 1000, 1000));
		SYS(fchown(fd, 0, 0));
		close(fd);
	}
	SYS(setgroups(0, NULL));
	SYS(setresgid(1000, 1000, 1000));
	SYS(setresuid(1000, 1000, 1000));
	away_point("as somebody else for good");
	CHECK_ERRNO(setuid(0), EPERM);
	CHECK_ERRNO(open("mine", O_RDONLY), EACCES);
	CHECK_ERRNO(kill(1, 0), EPERM);
	return away_pass();
}
