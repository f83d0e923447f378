// SPDX-License-Identifier: GPL-2.0-only
/*
 * carry MIB FILE: holds that much memory, changes a little of it and checks all of
 * it, over and over, until there is a file named FILE.  As long as there is one
 * named FILE.more, each turn takes as much memory again.
 *
 * Prints "carry PID ready", and "turn N" after each check.  At the end "turns N
 * sum X", where X depends on N alone, and exits with 0.  Memory that is not as it
 * should be is said on a line "wrong: ...", with exit status 99.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHANGES	1000	/* words, in each turn */

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* What word @i adds to the sum. */
static uint64_t part(uint64_t word, size_t i)
{
	return word * (2 * i + 1);
}

static void take(size_t bytes)
{
	char *p = malloc(bytes);
	size_t i;

	for (i = 0; p && i < bytes; i += 4096)
		((volatile char *)p)[i] = 1;
}

int main(int argc, char **argv)
{
	size_t words, i, k;
	uint64_t *memory, sum = 0, found, seed = 1;
	char more[256];
	long turn;

	if (argc != 3 || atoi(argv[1]) <= 0) {
		fputs("usage: carry MIB FILE\n", stderr);
		return 2;
	}
	snprintf(more, sizeof(more), "%s.more", argv[2]);
	words = ((size_t)atoi(argv[1]) << 20) / sizeof(*memory);
	memory = malloc(words * sizeof(*memory));
	if (!memory)
		return 1;
	for (i = 0; i < words; i++) {
		memory[i] = mix(i + 1);
		sum += part(memory[i], i);
	}
	printf("carry %d ready\n", getpid());
	fflush(stdout);

	for (turn = 1; access(argv[2], F_OK); turn++) {
		if (access(more, F_OK) == 0)
			take(words * sizeof(*memory));
		for (k = 0; k < CHANGES; k++) {
			i = mix(seed) % words;
			sum -= part(memory[i], i);
			memory[i] = mix(seed++);
			sum += part(memory[i], i);
		}
		for (found = i = 0; i < words; i++)
			found += part(memory[i], i);
		if (found != sum) {
			printf("wrong: sum %llx in turn %ld, wanted %llx\n",
			       (unsigned long long)found, turn, (unsigned long long)sum);
			fflush(stdout);
			_exit(99);
		}
		printf("turn %ld\n", turn);
		fflush(stdout);
	}
	printf("turns %ld sum %llx\n", turn - 1, (unsigned long long)sum);
	return 0;
}
