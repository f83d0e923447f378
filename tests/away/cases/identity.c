// SPDX-License-Identifier: GPL-2.0-only
/* Who the process is: numbers, owners, groups, machine and host name. */

#include "../away.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

int main(void)
{
	pid_t pid = getpid(), parent = getppid(), group = getpgrp(), session = getsid(0);
	gid_t groups[] = { 5, 77, 1000 }, got[64];
	struct utsname before, now;
	uid_t r, e, s;
	int n;

	if (!geteuid())
		SYS(setgroups(3, groups));
	n = SYS(getgroups(64, got));
	SYS(uname(&before));
	while (away_again()) {
		away_point("before asking who it is");
		CHECK_EQ(getpid(), pid);
		CHECK_EQ(syscall(SYS_gettid), pid);
		CHECK_EQ(getppid(), parent);
		CHECK_EQ(getpgrp(), group);
		CHECK_EQ(getpgid(parent), getpgid(parent));
		CHECK_EQ(getsid(pid), session);
		CHECK_EQ(getuid(), geteuid());
		SYS(getresuid(&r, &e, &s));
		CHECK_EQ(r, getuid());
		CHECK_EQ(s, geteuid());
		CHECK_EQ(getgroups(0, NULL), n);
		CHECK_EQ(getgroups(64, got), n);
		if (!geteuid())
			CHECK_MEM(got, groups, sizeof(groups));
		if (n > 1)
			CHECK_ERRNO(getgroups(1, got), EINVAL);
		SYS(uname(&now));
		CHECK_STR(now.nodename, before.nodename);
		CHECK_STR(now.release, before.release);
		CHECK_STR(now.machine, "x86_64");
		CHECK_ERRNO(getsid(0x3fffffff), ESRCH);
		CHECK_ERRNO(setpgid(0x3fffffff, 0), ESRCH);
		/* The leader of its session stays that. */
		CHECK_ERRNO(setsid(), EPERM);
	}
	return away_pass();
}
