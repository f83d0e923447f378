// SPDX-License-Identifier: GPL-2.0-only
/* mremap(2) grows, shrinks and moves memory with what is in it. */

#include "../away.h"

#include <sys/mman.h>

#define MIB (1UL << 20)

int main(void)
{
	char *p, *q, *room;

	while (away_again()) {
		p = PTR(mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		away_fill(p, MIB, 3);
		away_point("before growing");
		p = PTR(mremap(p, MIB, 4 * MIB, MREMAP_MAYMOVE));
		CHECK_FILLED(p, MIB, 3);
		CHECK_EQ(p[MIB], 0);
		CHECK_EQ(p[4 * MIB - 1], 0);
		away_fill(p + MIB, MIB, 4);
		room = PTR(mmap(NULL, 4 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		away_point("before moving");
		q = PTR(mremap(p, 4 * MIB, 4 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, room));
		CHECK(q == room);
		CHECK_FILLED(q, MIB, 3);
		CHECK_FILLED(q + MIB, MIB, 4);
		CHECK_ERRNO(msync(p, 4096, MS_ASYNC), ENOMEM);
		CHECK(mremap(q, 4 * MIB, MIB, 0) == q);
		CHECK_ERRNO(msync(q + MIB, 4096, MS_ASYNC), ENOMEM);
		away_point("after shrinking");
		CHECK_FILLED(q, MIB, 3);
		CHECK_ERRNO((long)mremap(q + MIB, 4096, 8192, 0), EFAULT);
		SYS(munmap(q, MIB));
	}
	return away_pass();
}
