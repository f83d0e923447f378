// SPDX-License-Identifier: GPL-2.0-only
/*
 * bomb CHILDREN FILE: forks that many children when there is a file FILE.go, and
 * says how many were to be had and how many live: "forked N alive M".
 *
 * Prints "bomb PID ready" before; ends all of them when there is a file FILE, with a
 * line "turns 0 sum 0" and status 0.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 1000

static void await(const char *file)
{
	while (access(file, F_OK))
		nanosleep(&(struct timespec) { .tv_nsec = 50000000 }, NULL);
}

int main(int argc, char **argv)
{
	int n, i, forked = 0, alive;
	pid_t pid[MOST];
	char go[256];

	if (argc != 3 || atoi(argv[1]) > MOST)
		return 2;
	n = atoi(argv[1]);
	snprintf(go, sizeof(go), "%s.go", argv[2]);
	printf("bomb %d ready\n", getpid());
	fflush(stdout);
	await(go);
	for (i = 0; i < n; i++) {
		pid[forked] = fork();
		if (!pid[forked]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		forked += pid[forked] > 0;
	}
	/* Those that could not live are dead by now, or soon. */
	sleep(1);
	alive = forked;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		alive--;
	printf("forked %d alive %d\n", forked, alive);
	fflush(stdout);
	await(argv[2]);
	for (i = 0; i < forked; i++)
		kill(pid[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	puts("turns 0 sum 0");
	return 0;
}
