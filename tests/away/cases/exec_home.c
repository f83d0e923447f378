// SPDX-License-Identifier: GPL-2.0-only
/*
 * execve(2) while away: the same process with a new program, its descriptors
 * but for those marked, its ignored signals and its mask.
 */

#include "../away.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void again(char **argv)
{
	struct sigaction sa;
	sigset_t mask;

	CHECK_EQ(atoi(argv[2]), getpid());
	CHECK_EQ(fcntl(40, F_GETFD), 0);
	CHECK_ERRNO(fcntl(41, F_GETFD), EBADF);
	SYS(sigaction(SIGUSR1, NULL, &sa));
	CHECK(sa.sa_handler == SIG_IGN);
	SYS(sigaction(SIGUSR2, NULL, &sa));
	CHECK(sa.sa_handler == SIG_DFL);
	SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
	CHECK(sigismember(&mask, SIGHUP));
	CHECK_STR(getenv("ROUND"), argv[1]);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX], round[16], pid[16], variable[32];
	char *args[] = { argv[0], round, pid, NULL }, *env[] = { variable, NULL };
	int n = argc == 3 ? atoi(argv[1]) : 0, fd;
	sigset_t mask;
	ssize_t len;

	away_goes_home();
	if (n)
		again(argv);
	if (n == 3)
		return away_pass();
	away_point("before an execve");
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	SYS(dup2(fd, 40));
	SYS(dup3(fd, 41, O_CLOEXEC));
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, exit);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
	CHECK_ERRNO(execve("./none", args, env), ENOENT);
	CHECK_ERRNO(execve("file", args, env), EACCES);
	away_point("after some that failed");
	snprintf(round, sizeof(round), "%d", n + 1);
	snprintf(pid, sizeof(pid), "%d", getpid());
	snprintf(variable, sizeof(variable), "ROUND=%d", n + 1);
	len = SYS(readlink("/proc/self/exe", path, sizeof(path) - 1));
	path[len] = 0;
	SYS(execve(path, args, env));
	return 1;
}
