// SPDX-License-Identifier: GPL-2.0-only
/* 8 GiB of address space with a page in use here and there; the rest stays empty. */

#include "../away.h"

#include <sys/mman.h>

#define SIZE (8UL << 30)
#define STEP (64UL << 20)
#define PAGE 4096UL

int main(void)
{
	char *p = PTR(mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	unsigned char there[2] = {};
	uint64_t round = 0;
	size_t i;

	for (i = 0; i < SIZE; i += STEP)
		away_fill(p + i, PAGE, i);
	while (away_again()) {
		away_point("with a sparse heap");
		for (i = 0; i < SIZE; i += STEP) {
			CHECK_FILLED(p + i, PAGE, i + (round << 40));
			/* Nobody has touched what is between. */
			SYS(mincore(p + i + STEP / 2, 2 * PAGE, there));
			CHECK_EQ((there[0] | there[1]) & 1, 0);
			CHECK_EQ(p[i + STEP / 4 + round * PAGE], 0);
		}
		round++;
		for (i = 0; i < SIZE; i += STEP)
			away_fill(p + i, PAGE, i + (round << 40));
	}
	SYS(munmap(p, SIZE));
	return away_pass();
}
