// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time goes with the process: it is counted where it is spent and booked
 * where the process is waited for.  Its clocks never go back.
 */

#define pr_fmt(fmt) "hpc: " fmt

#include <linux/hrtimer.h>
#include <linux/mmu_context.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>

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

/* --- clocks ---------------------------------------------------------------- */

/*
 * Two machines' clocks run apart, by 50 us in each second if they are bad, and
 * the difference between them was measured at the beginning of a stay.
 */
#define CLOCK_WAIT_MAX	(10 * (s64)NSEC_PER_SEC)

/* The clocks as the current thread sees them. */
void hpc_clocks_get(__le64 clocks[3])
{
	struct timespec64 ts[3];
	int i;

	ktime_get_ts64(&ts[0]);
	timens_add_monotonic(&ts[0]);
	ktime_get_boottime_ts64(&ts[1]);
	timens_add_boottime(&ts[1]);
	ktime_get_raw_ts64(&ts[2]);
	timens_add_monotonic(&ts[2]);
	for (i = 0; i < 3; i++)
		clocks[i] = cpu_to_le64(timespec64_to_ns(&ts[i]));
}

/* Returns when all clocks have reached @seen, or after CLOCK_WAIT_MAX. */
void hpc_clocks_await(const __le64 seen[3])
{
	__le64 now[3];
	s64 behind = 0;
	ktime_t wait;
	int i;

	hpc_clocks_get(now);
	for (i = 0; i < 3; i++)
		behind = max(behind, (s64)(le64_to_cpu(seen[i]) - le64_to_cpu(now[i])));
	if (!behind)
		return;
	if (behind > CLOCK_WAIT_MAX)
		pr_warn_ratelimited("%s[%d]: its clocks go back by %lld ms\n",
				    current->comm, task_pid_nr(current),
				    div_s64(behind - CLOCK_WAIT_MAX, NSEC_PER_MSEC));
	wait = ns_to_ktime(min(behind, CLOCK_WAIT_MAX));
	set_current_state(TASK_KILLABLE);
	schedule_hrtimeout(&wait, HRTIMER_MODE_REL);
}
