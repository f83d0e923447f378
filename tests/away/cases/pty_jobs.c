// SPDX-License-Identifier: GPL-2.0-only
/*
 * Job control as a shell does it: a job in the foreground of a terminal is
 * stopped by ^Z, put in the background, stopped by reading from there, brought
 * to the foreground again, and ended by ^C.  It is the job that is moved.
 */

#include "../away.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static void read_line(int slave, int ready)
{
	char got[20];

	away_write(ready, "r", 1);
	CHECK_EQ(read(slave, got, sizeof(got)), 5);
	CHECK_MEM(got, "line\n", 5);
}

static void job(int slave, int ready)
{
	signal(SIGTTOU, SIG_DFL);
	/* Ignored in what was begun in the background. */
	signal(SIGINT, SIG_DFL);
	away_point("as a job in the foreground");
	CHECK_EQ(tcgetpgrp(slave), getpgrp());
	/* ^Z comes while it waits here. */
	read_line(slave, ready);
	away_point("in the foreground again");
	for (;;)
		read_line(slave, ready);
}

static int wait_for(pid_t pid)
{
	int status;

	CHECK_EQ(SYS(waitpid(pid, &status, WUNTRACED | WCONTINUED)), pid);
	return status;
}

/* It says so just before it reads; what is typed too early has the same effect. */
static void wait_reading(int ready)
{
	char c;

	away_read(ready, &c, 1);
	usleep(100000);
}

static void continued(pid_t pid)
{
	int status = wait_for(pid);

	CHECK(WIFCONTINUED(status));
}

int main(void)
{
	int master, slave, status, i;
	pid_t pid;

	master = SYS(posix_openpt(O_RDWR | O_NOCTTY));
	SYS(grantpt(master));
	SYS(unlockpt(master));
	slave = SYS(open(ptsname(master), O_RDWR));
	signal(SIGTTOU, SIG_IGN);
	for (i = 0; i < 2; i++) {
		int gate[2], ready[2];
		char c;

		SYS(pipe(gate));
		SYS(pipe(ready));
		pid = SYS(fork());
		if (!pid) {
			SYS(setpgid(0, 0));
			close(gate[1]);
			CHECK_EQ(read(gate[0], &c, 1), 0);
			job(slave, ready[1]);
		}
		setpgid(pid, pid);
		SYS(tcsetpgrp(slave, pid));
		close(gate[1]);
		close(gate[0]);
		wait_reading(ready[0]);
		away_write(master, "\032", 1);
		status = wait_for(pid);
		CHECK(WIFSTOPPED(status));
		CHECK_EQ(WSTOPSIG(status), SIGTSTP);
		/* In the background it may not read; that it went on may be seen, or not. */
		SYS(tcsetpgrp(slave, getpgrp()));
		SYS(kill(-pid, SIGCONT));
		status = wait_for(pid);
		if (WIFCONTINUED(status))
			status = wait_for(pid);
		CHECK(WIFSTOPPED(status));
		CHECK_EQ(WSTOPSIG(status), SIGTTIN);
		SYS(tcsetpgrp(slave, pid));
		SYS(kill(-pid, SIGCONT));
		continued(pid);
		away_write(master, "line\n", 5);
		wait_reading(ready[0]);
		away_write(master, "\003", 1);
		status = wait_for(pid);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGINT);
		close(ready[0]);
		close(ready[1]);
	}
	return away_pass();
}
