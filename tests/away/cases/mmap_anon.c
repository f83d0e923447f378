// SPDX-License-Identifier: GPL-2.0-only
/* Anonymous mappings: made, cut in pieces, and made again at the same place. */

#include "../away.h"

#include <sys/mman.h>

#define PAGE 4096UL
#define PAGES 64

static char *map(char *at, size_t pages, int flags)
{
	return mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

int main(void)
{
	unsigned char there[PAGES];
	char *p, *q;
	int i;

	while (away_again()) {
		p = PTR(map(NULL, PAGES, 0));
		away_fill(p, PAGES * PAGE, 1);
		for (i = 1; i < PAGES; i += 2)
			SYS(munmap(p + i * PAGE, PAGE));
		away_point("with holes");
		for (i = 0; i < PAGES; i += 2)
			CHECK(!memcmp(p + i * PAGE, &(uint64_t){ away_mix(1, i * PAGE) }, 8));
		CHECK_ERRNO(mincore(p, 2 * PAGE, there), ENOMEM);
		CHECK_ERRNO((long)map(p, 1, MAP_FIXED_NOREPLACE), EEXIST);
		q = PTR(map(p + PAGE, 1, MAP_FIXED_NOREPLACE));
		CHECK(q == p + PAGE);
		CHECK_EQ(*q, 0);
		/* In place of what is there. */
		CHECK(map(p, PAGES, MAP_FIXED) == p);
		CHECK_EQ(p[0], 0);
		CHECK_EQ(p[2 * PAGE], 0);
		away_fill(p, PAGES * PAGE, 2);
		away_point("replaced");
		CHECK_FILLED(p, PAGES * PAGE, 2);
		SYS(madvise(p + PAGE, PAGE, MADV_DONTNEED));
		CHECK_EQ(p[PAGE], 0);
		CHECK_EQ(p[2 * PAGE - 1], 0);
		CHECK(!memcmp(p + 2 * PAGE, &(uint64_t){ away_mix(2, 2 * PAGE) }, 8));
		SYS(munmap(p, PAGES * PAGE));
	}
	return away_pass();
}
