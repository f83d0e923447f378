// SPDX-License-Identifier: GPL-2.0-only
/* Nice value, policy, affinity and yielding, and what the kernel says of memory barriers. */

#include "../away.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>

int main(void)
{
	unsigned char a[4000], b[sizeof(a)];
	struct sched_param param;
	int commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0), n = 0;
	cpu_set_t set;

	if (commands > 0)
		SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	while (away_again()) {
		if (n < 15)
			SYS(setpriority(PRIO_PROCESS, 0, ++n));
		away_point("with a nice value");
		CHECK_EQ(getpriority(PRIO_PROCESS, 0), n);
		CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
		SYS(sched_getparam(0, &param));
		CHECK_EQ(param.sched_priority, 0);
		CHECK_EQ(sched_yield(), 0);
		SYS(sched_getaffinity(0, sizeof(set), &set));
		CHECK(CPU_COUNT(&set) > 0);
		if (commands > 0)
			SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
		CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
		/* Random, and not the same twice. */
		CHECK_EQ(getrandom(a, sizeof(a), 0), sizeof(a));
		CHECK_EQ(getrandom(b, sizeof(b), GRND_NONBLOCK), sizeof(b));
		CHECK(memcmp(a, b, sizeof(a)));
		CHECK_ERRNO(getrandom(a, 10, 0xff), EINVAL);
	}
	return away_pass();
}
