// SPDX-License-Identifier: GPL-2.0-only
/* System calls by the 32-bit instruction, which have other numbers: all are made at home. */

#include "../away.h"

#include <sys/mman.h>

#define I386_WRITE	4
#define I386_GETPID	20
#define I386_NANOSLEEP	162

static long int80(long nr, uintptr_t a, uintptr_t b, uintptr_t c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "0"(nr), "b"(a), "c"(b), "d"(c)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

int main(void)
{
	char *low = PTR(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
	int32_t *time = (int32_t *)(low + 64);
	int fds[2], round = 0;
	char c;

	SYS(pipe(fds));
	away_goes_home();
	while (away_again()) {
		away_point("before one");
		CHECK_EQ(int80(I386_GETPID, 0, 0, 0), getpid());
		away_point("before another, which has memory");
		low[0] = ++round;
		CHECK_EQ(int80(I386_WRITE, fds[1], (uintptr_t)low, 1), 1);
		CHECK_EQ(read(fds[0], &c, 1), 1);
		CHECK_EQ(c, round);
		/* 4 is stat() elsewhere, and 162 sync(). */
		away_point("before one that waits");
		time[0] = 0;
		time[1] = 50 * MS;
		CHECK_EQ(int80(I386_NANOSLEEP, (uintptr_t)time, 0, 0), 0);
		CHECK_EQ(int80(I386_WRITE, fds[1], 0, 1), -EFAULT);
	}
	return away_pass();
}
