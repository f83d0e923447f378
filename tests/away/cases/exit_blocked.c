// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that ends while threads of it wait in calls, at home, or in the middle
 * of long ones: its status is what it ended with, not that of one that was lost.
 */

#include "../away.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define CHILDREN 8

static int quiet[2];	/* nobody ever writes */
static int full[2];	/* nobody ever reads */

static void *in_poll(void *arg)
{
	(void)arg;
	poll(&(struct pollfd) { quiet[0], POLLIN, 0 }, 1, -1);
	return NULL;
}

static void *in_read(void *arg)
{
	char c;

	(void)arg;
	return read(quiet[0], &c, 1) == 1 ? arg : NULL;
}

static void *in_sigwait(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwaitinfo(&set, NULL);
	return NULL;
}

static void *in_write(void *arg)
{
	static char much[4 << 20];

	(void)arg;
	return write(full[1], much, sizeof(much)) < 0 ? arg : NULL;
}

static void *in_many(void *arg)
{
	static char some[1 << 20];
	int fd = open("/dev/zero", O_RDONLY);

	while (read(fd, some, sizeof(some)) == sizeof(some))
		;
	return arg;
}

static void *(*const work[])(void *) = { in_poll, in_read, in_sigwait, in_write, in_many };
#define THREADS ((int)(sizeof(work) / sizeof(work[0])))

static void child(int i)
{
	pthread_t thread;
	sigset_t set;
	int t;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	SYS(sigprocmask(SIG_BLOCK, &set, NULL));
	for (t = 0; t < THREADS; t++)
		CHECK_EQ(pthread_create(&thread, NULL, work[t], NULL), 0);
	/* The later ones find them deeper in it. */
	usleep(i * 10000);
	if (i & 1)
		exit(40 + i);
	kill(getpid(), SIGTERM);
	pause();
}

int main(void)
{
	int status, i;
	pid_t pid;

	SYS(pipe(quiet));
	SYS(pipe(full));
	while (away_again()) {
		away_point("about to have children");
		for (i = 0; i < CHILDREN; i++) {
			pid = SYS(fork());
			if (!pid) {
				signal(SIGTERM, SIG_DFL);
				child(i);
			}
			CHECK_EQ(waitpid(pid, &status, 0), pid);
			if (i & 1)
				CHECK_EQ(status, (40 + i) << 8);
			else
				CHECK_EQ(status, SIGTERM);
		}
	}
	return away_pass();
}
