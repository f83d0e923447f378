// SPDX-License-Identifier: GPL-2.0-only
/*
 * load cpu FILE [N]	computes, until FILE exists, or N pieces of work
 * load talk FILE	writes and reads FILE.talk.PID all the time, until FILE exists
 * load memory FILE MIB	takes so much memory, little by little, keeps it until FILE
 *			exists, and sees whether it is still what it was
 *
 * Prints "load PID ready" first and "load PID done" last, and exits with 0 if all
 * was as it should be.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB	(1ul << 20)
#define WORDS	4096

static const char *stop;

static int is_over(void)
{
	return !access(stop, F_OK);
}

/* About as long on every machine; the sum depends on @turns alone. */
static uint64_t work(unsigned int turns)
{
	static uint64_t block[WORDS];
	uint64_t x = 1, sum = 0;
	unsigned int t, i;

	memset(block, 0, sizeof(block));
	for (t = 0; t < turns; t++) {
		for (i = 0; i < WORDS; i++) {
			x = x * 6364136223846793005ull + 1442695040888963407ull;
			block[i] += x >> 20;
			sum ^= block[i] * (i + 1);
		}
	}
	return sum;
}

static int run_cpu(long limit)
{
	uint64_t want = work(50);
	long n;

	for (n = 0; !limit || n < limit; n++) {
		if (work(50) != want)
			return 1;
		/* A look is a call to home: seldom. */
		if (n % 50 == 49 && is_over())
			break;
	}
	return 0;
}

static int run_talk(void)
{
	char path[256], text[64], back[64];
	ssize_t wrote, got;
	int fd, n = 0;

	snprintf(path, sizeof(path), "%s.talk.%d", stop, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return 1;
	while (n % 100 || !is_over()) {
		memset(text, n, sizeof(text));
		wrote = pwrite(fd, text, sizeof(text), 0);
		got = pread(fd, back, sizeof(back), 0);
		if (wrote != sizeof(text) || got != sizeof(back) ||
		    memcmp(text, back, sizeof(text)) != 0) {
			printf("turn %d: wrote %zd, read %zd (%s), %d is %d\n", n, wrote, got,
			       strerror(errno), text[0], back[0]);
			return 1;
		}
		n++;
	}
	return 0;
}

static int run_memory(unsigned long mib)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	unsigned char *memory;
	unsigned long i, at;

	memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	for (i = 0; i < mib; i++) {
		memset(memory + i * MIB, i + 1, MIB);
		nanosleep(&pause, NULL);
	}
	printf("load %d full\n", getpid());
	fflush(stdout);
	while (!is_over())
		nanosleep(&pause, NULL);
	for (i = 0; i < mib; i++)
		for (at = 0; at < MIB; at += 512)
			if (memory[i * MIB + at] != (unsigned char)(i + 1))
				return 1;
	return 0;
}

int main(int argc, char **argv)
{
	int ret = 2;

	if (argc < 3)
		return 2;
	stop = argv[2];
	printf("load %d ready\n", getpid());
	fflush(stdout);
	if (!strcmp(argv[1], "cpu"))
		ret = run_cpu(argc > 3 ? atol(argv[3]) : 0);
	else if (!strcmp(argv[1], "talk"))
		ret = run_talk();
	else if (!strcmp(argv[1], "memory") && argc > 3)
		ret = run_memory(strtoul(argv[3], NULL, 10));
	printf("load %d %s\n", getpid(), ret ? "wrong" : "done");
	return ret;
}
