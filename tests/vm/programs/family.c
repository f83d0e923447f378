// SPDX-License-Identifier: GPL-2.0-only
/*
 * family CHILDREN THREADS FILE: a process of several threads, with children that
 * are the same, all of them computing a little, each with a pipe to its parent.
 *
 * Prints "family PID ready", a line "turn N" each time all have said a word, and
 * "turns N sum X" at the end, which comes when there is a file named FILE.  Exit
 * status 0; what is not as it should be is a line "wrong: ..." and status 99.
 */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST	64
#define STATUS	42

static int threads;
static volatile int enough;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t rounds[MOST];

static void __attribute__((noreturn)) wrong(const char *what, long a, long b)
{
	printf("wrong: %s: %ld, %ld\n", what, a, b);
	fflush(stdout);
	_exit(99);
}

static void doze(long ms)
{
	nanosleep(&(struct timespec) { .tv_nsec = ms * 1000000 }, NULL);
}

static uint64_t work(uint64_t seed)
{
	int i;

	for (i = 0; i < 200000; i++)
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed;
}

static void *worker(void *arg)
{
	uint64_t *own = arg, want = work(own - rounds);

	while (!enough) {
		if (work(own - rounds) != want)
			wrong("a thread's sum", own - rounds, 0);
		pthread_mutex_lock(&lock);
		++*own;
		pthread_mutex_unlock(&lock);
		doze(10);
	}
	return NULL;
}

static void compute(pthread_t *t)
{
	int i;

	for (i = 1; i < threads; i++)
		if (pthread_create(&t[i], NULL, worker, &rounds[i]))
			wrong("no thread", i, 0);
}

static void join(pthread_t *t)
{
	int i;

	enough = 1;
	for (i = 1; i < threads; i++)
		pthread_join(t[i], NULL);
}

/* A byte for each it gets; the end of the pipe is its own. */
static void __attribute__((noreturn)) child(int in, int out)
{
	pthread_t t[MOST];
	char c;

	prctl(PR_SET_PDEATHSIG, 9);
	compute(t);
	while (read(in, &c, 1) == 1)
		if (write(out, &c, 1) != 1)
			_exit(1);
	join(t);
	_exit(STATUS);
}

static pid_t begin(int to[2], int from[2])
{
	pid_t pid;

	if (pipe(to) || pipe(from))
		wrong("no pipe", 0, 0);
	pid = fork();
	if (pid < 0)
		wrong("no child", 0, 0);
	if (!pid) {
		close(to[1]);
		child(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	return pid;
}

int main(int argc, char **argv)
{
	int to[MOST][2], from[MOST][2], n, i, status;
	pthread_t t[MOST];
	uint64_t sum = 0;
	long turns = 0;
	pid_t pid[MOST];
	char c;

	if (argc != 4)
		return 2;
	n = atoi(argv[1]);
	threads = atoi(argv[2]);
	if (n > MOST || threads < 1 || threads > MOST)
		return 2;
	for (i = 0; i < n; i++)
		pid[i] = begin(to[i], from[i]);
	compute(t);
	printf("family %d ready\n", getpid());
	while (access(argv[3], F_OK)) {
		for (i = 0; i < n; i++)
			if (write(to[i][1], "x", 1) != 1 || read(from[i][0], &c, 1) != 1)
				wrong("no word from a child", i, pid[i]);
		sum = work(sum + ++turns);
		printf("turn %ld\n", turns);
		fflush(stdout);
		doze(100);
	}
	/* Each has the writing ends of those before it. */
	for (i = n; i--;)
		close(to[i][1]);
	for (i = n; i--;) {
		if (waitpid(pid[i], &status, 0) != pid[i])
			wrong("no such child", i, pid[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS)
			wrong("a child's status", pid[i], status);
	}
	join(t);
	printf("turns %ld sum %lx\n", turns, (unsigned long)sum);
	return 0;
}
