// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopped and continued by its parent: while it is stopped nothing of it runs,
 * wherever it is, and the parent is told all as usual, and not that meanwhile it
 * was called home.
 */

#include "../away.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* Counts where its parent sees it. */
static void __attribute__((noreturn)) count(int out)
{
	uint64_t i;

	away_point("as a child that counts");
	for (i = 0;; i++) {
		away_write(out, &i, sizeof(i));
		usleep(2000);
	}
}

/* All there is in the pipe; how many. */
static int drain(int fd)
{
	static uint64_t next;
	uint64_t x;
	int n = 0;

	while (read(fd, &x, sizeof(x)) == sizeof(x)) {
		if (!x)
			next = 0;
		CHECK_EQ(x, next++);
		n++;
	}
	return n;
}

static void wait_counting(int fd)
{
	int64_t limit = away_now(CLOCK_MONOTONIC) + 20 * SECOND;

	while (!drain(fd)) {
		if (away_now(CLOCK_MONOTONIC) > limit)
			FAIL("it does not count");
		usleep(5000);
	}
}

static void call_home(pid_t pid)
{
	int64_t limit = away_now(CLOCK_MONOTONIC) + 20 * SECOND;
	char path[64], where[16] = "";
	int fd, status;

	snprintf(path, sizeof(path), "/proc/%d/goto", pid);
	/* On another kernel all processes are at home. */
	if (access(path, F_OK))
		return;
	fd = SYS(open(path, O_WRONLY));
	away_write(fd, "home", 4);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/where", pid);
	while (strcmp(where, "0\n")) {
		if (away_now(CLOCK_MONOTONIC) > limit)
			FAIL("called home, it is at %s", where);
		fd = SYS(open(path, O_RDONLY));
		SYS(read(fd, where, sizeof(where) - 1));
		close(fd);
		usleep(5000);
	}
	CHECK_EQ(SYS(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED)), 0);
}

int main(void)
{
	static const int stops[] = { SIGSTOP, SIGTSTP, SIGSTOP };
	int pipes[2], nonblock, status, i, j;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		SYS(pipe(pipes));
		nonblock = pipes[0];
		pid = SYS(fork());
		if (!pid) {
			/* SIGTSTP would be ignored in a group without a shell. */
			SYS(setpgid(0, 0));
			count(pipes[1]);
		}
		SYS(fcntl(nonblock, F_SETFL, O_NONBLOCK));
		for (j = 0; j < 3; j++) {
			wait_counting(pipes[0]);
			SYS(kill(pid, stops[i]));
			CHECK_EQ(SYS(waitpid(pid, &status, WUNTRACED)), pid);
			CHECK(WIFSTOPPED(status));
			CHECK_EQ(WSTOPSIG(status), stops[i]);
			/* What is on its way may still come. */
			usleep(100000);
			drain(pipes[0]);
			usleep(100000);
			CHECK_EQ(drain(pipes[0]), 0);
			if (j == 1) {
				call_home(pid);
				usleep(100000);
				CHECK_EQ(drain(pipes[0]), 0);
			}
			SYS(kill(pid, SIGCONT));
			CHECK_EQ(SYS(waitpid(pid, &status, WCONTINUED)), pid);
			CHECK(WIFCONTINUED(status));
		}
		wait_counting(pipes[0]);
		SYS(kill(pid, SIGSTOP));
		CHECK_EQ(SYS(waitpid(pid, &status, WUNTRACED)), pid);
		SYS(kill(pid, SIGKILL));
		CHECK_EQ(SYS(waitpid(pid, &status, 0)), pid);
		CHECK_EQ(WTERMSIG(status), SIGKILL);
		close(pipes[0]);
		close(pipes[1]);
	}
	return away_pass();
}
