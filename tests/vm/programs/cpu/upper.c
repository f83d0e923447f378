// SPDX-License-Identifier: GPL-2.0-only
/*
 * upper FILE: keeps something in the upper half of an AVX register.
 *
 * Prints "upper PID ready", a line "turn N" every now and then, "turns N sum X" when
 * there is a file named FILE, and ends with status 0; 77 on a processor without AVX.
 * A register that has changed is a line "wrong: ..." and status 99.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t want[4] = { 1, 2, 0x123456789, 4 };

/* In one piece, so that no code of the compiler's comes between. */
static void hold(const struct timespec *ts, uint64_t got[4])
{
	long ret = 35;	/* nanosleep */

	__asm__ volatile("vmovdqu (%[want]), %%ymm5\n\t"
			 "xor %%esi, %%esi\n\t"
			 "syscall\n\t"
			 "vmovdqu %%ymm5, (%[got])\n\t"
			 "vzeroupper"
			 : "+a"(ret)
			 : [want] "r"(want), [got] "r"(got), "D"(ts)
			 : "rsi", "rcx", "r11", "xmm5", "memory");
}

int main(int argc, char **argv)
{
	const struct timespec ts = { .tv_nsec = 100000000 };
	uint64_t got[4];
	long turns = 0;

	if (argc != 2)
		return 2;
	if (!__builtin_cpu_supports("avx"))
		return 77;
	printf("upper %d ready\n", getpid());
	while (access(argv[1], F_OK)) {
		hold(&ts, got);
		if (memcmp(got, want, sizeof(want)) != 0) {
			printf("wrong: ymm5 has %lx\n", (unsigned long)got[2]);
			return 99;
		}
		printf("turn %ld\n", ++turns);
		fflush(stdout);
	}
	printf("turns %ld sum 0\n", turns);
	return 0;
}
