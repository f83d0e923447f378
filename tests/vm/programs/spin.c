// SPDX-License-Identifier: GPL-2.0-only
/*
 * spin SECONDS STATUS [FILE]: computes, asks for the time and its name, and
 * checks itself all the while.
 *
 * Prints "spin PID ready", a line "turn N" every now and then, and at the end
 * "sum X", which depends on the turns alone, and exits with STATUS.  A file
 * named FILE ends it before its time.  Whatever is not as it should be is said
 * on a line "wrong: ...", with exit status 99.
 */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define WORDS		4096
#define TURN_MS		100

static uint64_t block[WORDS];
static volatile sig_atomic_t terminated;

static void on_term(int sig)
{
	(void)sig;
	terminated = 1;
}

static void wrong(const char *what, long long a, long long b)
{
	printf("wrong: %s: %lld, %lld\n", what, a, b);
	fflush(stdout);
	_exit(99);
}

/* A fixed amount of work on memory that has to arrive whole. */
static uint64_t work(uint64_t seed)
{
	uint64_t sum = 0;
	int i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < WORDS; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			block[i] += seed >> 20;
			sum ^= block[i] * (i + 1);
		}
	}
	return sum;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void check_identity(pid_t pid, const char *host)
{
	struct utsname uts;

	if (getpid() != pid)
		wrong("pid", getpid(), pid);
	if (uname(&uts) || strcmp(uts.nodename, host) != 0)
		wrong("host name", errno, 0);
}

/* Returns how far the clock is now, which is never before @last. */
static int64_t check_clock(clockid_t id, int64_t last)
{
	int64_t now = clock_ns(id);

	if (now < last)
		wrong("clock stepped back by ns", id, last - now);
	return now;
}

int main(int argc, char **argv)
{
	uint64_t sum = 0, again[2] = { 0 };
	struct utsname uts;
	pid_t pid = getpid();
	int64_t start, mono, boot, next;
	long turns = 0;
	int i;

	if (argc < 3)
		return 2;
	signal(SIGTERM, on_term);
	uname(&uts);
	mono = start = next = clock_ns(CLOCK_MONOTONIC);
	boot = clock_ns(CLOCK_BOOTTIME);
	printf("spin %d ready\n", pid);
	fflush(stdout);

	while (mono < start + atoll(argv[1]) * 1000000000 && !terminated) {
		sum = work(sum);
		mono = check_clock(CLOCK_MONOTONIC, mono);
		boot = check_clock(CLOCK_BOOTTIME, boot);
		turns++;
		if (mono < next)
			continue;
		next = mono + TURN_MS * 1000000LL;
		check_identity(pid, uts.nodename);
		printf("turn %ld\n", turns);
		fflush(stdout);
		if (argc > 3 && !access(argv[3], F_OK))
			break;
	}

	/* The same once more, in one place. */
	memset(block, 0, sizeof(block));
	for (i = 0; i < turns; i++)
		again[0] = work(again[0]);
	if (again[0] != sum)
		wrong("sum", (long long)sum, (long long)again[0]);
	printf("turns %ld sum %llx%s\n", turns, (unsigned long long)sum,
	       terminated ? " terminated" : "");
	return atoi(argv[2]);
}
