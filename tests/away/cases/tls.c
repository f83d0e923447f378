// SPDX-License-Identifier: GPL-2.0-only
/* Thread-local variables, the stack protector's value and errno. */

#include "../away.h"

static __thread uint64_t started = 0x1122334455667788;
static __thread uint64_t big[4096];
static __thread int none;

static uint64_t canary(void)
{
	uint64_t x;

	asm volatile("mov %%fs:0x28, %0" : "=r" (x));
	return x;
}

int main(void)
{
	uint64_t before = canary(), round = 0, *where = big;

	CHECK_EQ(started, 0x1122334455667788);
	while (away_again()) {
		round++;
		away_fill(big, sizeof(big), round);
		started = round;
		errno = 4711;
		away_point("with thread-local values");
		CHECK_EQ(errno, 4711);
		CHECK_EQ(started, round);
		CHECK_EQ(none, 0);
		CHECK(where == big);
		CHECK_FILLED(big, sizeof(big), round);
		CHECK_EQ(canary(), before);
	}
	return away_pass();
}
