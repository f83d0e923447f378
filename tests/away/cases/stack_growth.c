// SPDX-License-Identifier: GPL-2.0-only
/* The stack grows on the node where it is needed, also through a system call. */

#include "../away.h"

#include <alloca.h>
#include <fcntl.h>
#include <sys/resource.h>

static int zero;

static void __attribute__((noinline)) use(size_t size, bool by_call)
{
	char *room = alloca(size);

	/* read(2) is the first to touch these pages. */
	if (by_call)
		CHECK_EQ(read(zero, room + 64, 4096), 4096);
	else
		away_fill(room, size, size);
	away_point("on a large stack");
	if (by_call)
		CHECK_EQ(room[64] | room[64 + 4095], 0);
	else
		CHECK_FILLED(room, size, size);
}

int main(void)
{
	struct rlimit limit;

	SYS(getrlimit(RLIMIT_STACK, &limit));
	CHECK(limit.rlim_cur > 4 << 20);
	zero = SYS(open("/dev/zero", O_RDONLY));
	while (away_again()) {
		away_point("on a small stack");
		use(1 << 20, false);
		use(3 << 20, false);
		use(7 << 19, true);
	}
	return away_pass();
}
