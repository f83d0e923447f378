// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time goes with the process: it is counted where it is spent and booked
 * where the process is waited for.
 */

#include <linux/mmu_context.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>

#include "../sched/sched.h"
#include "internal.h"

void hpc_times_get(struct hpc_times *t)
{
	task_cputime(current, &t->utime, &t->stime);
	t->runtime = task_sched_runtime(current);
}

/*
 * The current thread has used @t in all its life.  The scheduler's own clock
 * (vruntime) is not touched: it has no more claim to a CPU than before.
 */
void hpc_times_set(const struct hpc_times *t)
{
	struct rq_flags rf;
	struct rq *rq;

	rq = task_rq_lock(current, &rf);
	current->utime = t->utime;
	current->stime = t->stime;
	current->se.sum_exec_runtime = t->runtime;
	current->se.prev_sum_exec_runtime = t->runtime;
	task_rq_unlock(rq, current, &rf);
}

/* A clock that ran backwards would be another machine's mistake. */
static u64 elapsed(u64 before, u64 now)
{
	return now > before ? now - before : 0;
}

void hpc_times_add(const struct hpc_times *before, const struct hpc_times *now)
{
	struct hpc_times t;

	hpc_times_get(&t);
	t.utime += elapsed(before->utime, now->utime);
	t.stime += elapsed(before->stime, now->stime);
	t.runtime += elapsed(before->runtime, now->runtime);
	hpc_times_set(&t);
}
