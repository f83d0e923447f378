// SPDX-License-Identifier: GPL-2.0-only
/* Restartable sequences: the registration holds, and the CPU it names is one of here. */

#include "../away.h"

#include <sched.h>
#include <sys/rseq.h>

int main(void)
{
	volatile struct rseq *r = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

	if (!__rseq_size || (int)r->cpu_id < 0)
		away_skip("the C library uses no rseq here");
	while (away_again()) {
		unsigned int cpu, node;
		int tries, ok = 0;

		away_point("with rseq in use");
		/* The scheduler may come between; not every time. */
		for (tries = 0; tries < 100 && !ok; tries++) {
			SYS(getcpu(&cpu, &node));
			ok = r->cpu_id == cpu && r->cpu_id_start == cpu;
		}
		CHECK(ok);
		CHECK_EQ(r->rseq_cs, 0);
		CHECK_EQ(sched_getcpu(), (int)r->cpu_id);
		sched_yield();
	}
	return away_pass();
}
