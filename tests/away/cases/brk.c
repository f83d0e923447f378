// SPDX-License-Identifier: GPL-2.0-only
/* The program break: grows and shrinks where it was, and what is new is zero. */

#include "../away.h"

#include <sys/syscall.h>

#define SIZE (1UL << 20)

static char *brk_to(char *to)
{
	return (char *)syscall(SYS_brk, to);
}

static bool zero(const char *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

int main(void)
{
	char *start = brk_to(NULL), *now = start;

	start = (char *)(((unsigned long)start + 4095) & ~4095UL);
	while (away_again()) {
		now = brk_to(start + SIZE);
		CHECK(now == start + SIZE);
		CHECK(zero(start, SIZE));
		away_fill(start, SIZE, 1);
		away_point("after growing");
		CHECK(brk_to(NULL) == start + SIZE);
		CHECK_FILLED(start, SIZE, 1);
		CHECK(brk_to(start + SIZE / 2) == start + SIZE / 2);
		away_point("after shrinking");
		CHECK(brk_to(NULL) == start + SIZE / 2);
		CHECK(brk_to(start + 2 * SIZE) == start + 2 * SIZE);
		CHECK_EQ(away_differs(start, SIZE / 2, 1), -1);
		CHECK(zero(start + SIZE / 2, SIZE + SIZE / 2));
		/* Below its beginning it does not go. */
		CHECK(brk_to((char *)4096) == start + 2 * SIZE);
		CHECK(brk_to(start) == start);
	}
	return away_pass();
}
