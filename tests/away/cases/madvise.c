// SPDX-License-Identifier: GPL-2.0-only
/* Advice about memory keeps its effect: dropped pages are zero, the rest is there. */

#include "../away.h"

#include <sys/mman.h>

#define PAGE 4096UL
#define SIZE (32 * PAGE)

int main(void)
{
	char *p = PTR(mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	while (away_again()) {
		away_fill(p, SIZE, 6);
		SYS(madvise(p + 4 * PAGE, 4 * PAGE, MADV_DONTNEED));
		SYS(madvise(p + 16 * PAGE, 4 * PAGE, MADV_COLD));
		SYS(madvise(p + 24 * PAGE, 4 * PAGE, MADV_DONTFORK));
		away_point("after advice");
		CHECK(!memcmp(p, &(uint64_t){ away_mix(6, 0) }, 8));
		CHECK_EQ(p[4 * PAGE], 0);
		CHECK_EQ(p[8 * PAGE - 1], 0);
		CHECK(!memcmp(p + 16 * PAGE, &(uint64_t){ away_mix(6, 16 * PAGE) }, 8));
		SYS(madvise(p + 16 * PAGE, 4 * PAGE, MADV_DONTNEED));
		CHECK_EQ(p[16 * PAGE], 0);
		CHECK_EQ(p[20 * PAGE - 1], 0);
		CHECK(!memcmp(p + 20 * PAGE, &(uint64_t){ away_mix(6, 20 * PAGE) }, 8));
		SYS(madvise(p + 24 * PAGE, 4 * PAGE, MADV_DOFORK));
	}
	return away_pass();
}
