// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children made while away, and theirs: numbers, group and session are home's,
 * signals and statuses go between them as ever, and they outlive their parent.
 */

#include "../away.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static volatile sig_atomic_t ended;

static void on_child(int sig)
{
	(void)sig;
	ended++;
}

static void on_usr1(int sig)
{
	_exit(sig);
}

static int status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		CHECK_EQ(errno, EINTR);
	return status;
}

/* A child that ends by a handler, one that is killed, one that stops. */
static void check_signals(void)
{
	int status;
	pid_t pid;

	pid = SYS(fork());
	if (!pid) {
		for (;;)
			pause();
	}
	SYS(kill(pid, SIGUSR1));
	status = status_of(pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), SIGUSR1);

	pid = SYS(fork());
	if (!pid) {
		for (;;)
			;
	}
	SYS(kill(pid, SIGSTOP));
	CHECK_EQ(SYS(waitpid(pid, &status, WUNTRACED)), pid);
	CHECK(WIFSTOPPED(status));
	SYS(kill(pid, SIGCONT));
	SYS(kill(pid, SIGKILL));
	status = status_of(pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

/* A grandchild whose parent ends first; it tells through a pipe. */
static void check_orphan(void)
{
	int fd[2], hold[2];
	pid_t pid, seen[2];
	char c;

	SYS(pipe(fd));
	SYS(pipe(hold));
	pid = SYS(fork());
	if (!pid) {
		close(hold[1]);
		pid = fork();
		if (pid)
			_exit(pid < 0);
		/* Until the grandparent has seen our parent's end. */
		if (read(hold[0], &c, 1))
			_exit(1);
		seen[0] = getpgrp();
		seen[1] = getppid();
		away_write(fd[1], seen, sizeof(seen));
		_exit(0);
	}
	close(hold[0]);
	CHECK_EQ(status_of(pid), 0);
	close(hold[1]);
	away_read(fd[0], seen, sizeof(seen));
	CHECK_EQ(seen[0], getpgrp());
	CHECK(seen[1] != pid);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	pid_t pid[8], group;
	int fd[2], i;

	signal(SIGUSR1, on_usr1);
	while (away_again()) {
		signal(SIGCHLD, on_child);
		ended = 0;
		away_point("before children");
		SYS(pipe(fd));
		for (i = 0; i < 8; i++) {
			pid[i] = SYS(fork());
			if (!pid[i]) {
				group = getpgrp();
				away_write(fd[1], &group, sizeof(group));
				_exit(i);
			}
		}
		away_point("with children");
		for (i = 0; i < 8; i++) {
			away_read(fd[0], &group, sizeof(group));
			CHECK_EQ(group, getpgrp());
		}
		for (i = 0; i < 8; i++)
			CHECK_EQ(WEXITSTATUS(status_of(pid[i])), i);
		/* Several ends at once may be told by one signal. */
		CHECK_IN(ended, 1, 8);
		CHECK_ERRNO(waitpid(-1, NULL, WNOHANG), ECHILD);
		close(fd[0]);
		close(fd[1]);
		check_signals();
		check_orphan();
		signal(SIGCHLD, SIG_DFL);
	}
	return away_pass();
}
