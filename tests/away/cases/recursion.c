// SPDX-License-Identifier: GPL-2.0-only
/* Moved deep in a recursion, whose frames are all right on the way back. */

#include "../away.h"

static uint64_t __attribute__((noinline)) down(int depth, uint64_t x)
{
	uint64_t here[8], sum;
	int i;

	for (i = 0; i < 8; i++)
		here[i] = away_mix(x, i);
	if (!depth) {
		away_point("at the bottom");
		return x;
	}
	sum = down(depth - 1, x + depth);
	for (i = 0; i < 8; i++)
		CHECK_EQ(here[i], away_mix(x, i));
	return sum;
}

int main(void)
{
	while (away_again())
		CHECK_EQ(down(10000, 7), 7 + 10000ULL * 10001 / 2);
	return away_pass();
}
