// SPDX-License-Identifier: GPL-2.0-only
/* Limits: kept, changed, and in force, those of files and those of memory. */

#include "../away.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MIB (1UL << 20)

static volatile sig_atomic_t signals;

static void handler(int sig)
{
	(void)sig;
	signals++;
}

static void limit(int what, rlim_t value)
{
	struct rlimit r;

	SYS(getrlimit(what, &r));
	r.rlim_cur = value;
	SYS(setrlimit(what, &r));
}

int main(void)
{
	struct rlimit before[RLIM_NLIMITS], now;
	char text[3000] = "";
	int fd, i, n = 0;
	void *p;

	signal(SIGXFSZ, handler);
	fd = SYS(open("file", O_RDWR | O_CREAT, 0600));
	for (i = 0; i < RLIM_NLIMITS; i++)
		SYS(getrlimit(i, &before[i]));
	while (away_again()) {
		limit(RLIMIT_FSIZE, 2000);
		limit(RLIMIT_AS, 256 * MIB);
		away_point("with limits");
		for (i = 0; i < RLIM_NLIMITS; i++) {
			SYS(getrlimit(i, &now));
			CHECK_EQ(now.rlim_max, before[i].rlim_max);
			if (i != RLIMIT_FSIZE && i != RLIMIT_AS)
				CHECK_EQ(now.rlim_cur, before[i].rlim_cur);
		}
		CHECK_EQ(pwrite(fd, text, 3000, 0), 2000);
		CHECK_EQ(signals, n);
		CHECK_ERRNO(pwrite(fd, text, 1, 2000), EFBIG);
		CHECK_EQ(signals, ++n);
		CHECK_ERRNO((long)mmap(NULL, 256 * MIB, PROT_NONE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
		/* Changed here, for memory here and files at home. */
		limit(RLIMIT_FSIZE, RLIM_INFINITY);
		limit(RLIMIT_AS, RLIM_INFINITY);
		CHECK_EQ(pwrite(fd, text, 3000, 0), 3000);
		p = PTR(mmap(NULL, 512 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		SYS(munmap(p, 512 * MIB));
		SYS(prlimit(0, RLIMIT_CORE, NULL, &now));
		CHECK_EQ(now.rlim_max, before[RLIMIT_CORE].rlim_max);
		SYS(ftruncate(fd, 0));
		limit(RLIMIT_FSIZE, before[RLIMIT_FSIZE].rlim_cur);
	}
	CHECK_ERRNO(getrlimit(99, &now), EINVAL);
	return away_pass();
}
