// SPDX-License-Identifier: GPL-2.0-only
/*
 * How busy this node is, as the other nodes will be told.
 *
 * While the machine is in a cluster, a deferrable work looks at the run queues
 * some 16 times a second, and at the CPU time counters four times; a machine in
 * no cluster does not spend a cycle on it.  When it looks is left to chance, as
 * others who look at something by the clock would all be running just then.
 */

#include <linux/cpumask.h>
#include <linux/kernel_stat.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/stat.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>

#include "internal.h"

/* The longest time between two looks; half of it on average. */
#define LOOK_MAX	(HZ / 8)

/* Share of the old average that survives one look, in 1/64. */
#define LOAD_DECAY	60

/**
 * struct load - the running averages
 * @lock:	guards all members
 * @running:	runnable tasks, times 1000, averaged
 * @util:	processor time in use since the sample before, percent
 * @busy:	CPU time spent, all processors, at the last sample, in ns
 * @total:	the same, with idle time
 * @since:	when that was, in jiffies
 * @speed:	of one processor of this node
 */
static struct load {
	spinlock_t	lock;
	u32		running;
	u32		util;
	u64		busy;
	u64		total;
	unsigned long	since;
	u32		speed;
} load = {
	.lock	= __SPIN_LOCK_UNLOCKED(load.lock),
	.speed	= HPC_SPEED_STANDARD,
};

static void cpu_time(u64 *busy, u64 *total)
{
	struct kernel_cpustat stat;
	int cpu, i;

	*busy = 0;
	*total = 0;
	for_each_online_cpu(cpu) {
		kcpustat_cpu_fetch(&stat, cpu);
		for (i = CPUTIME_USER; i <= CPUTIME_STEAL; i++) {
			*total += stat.cpustat[i];
			if (i != CPUTIME_IDLE && i != CPUTIME_IOWAIT)
				*busy += stat.cpustat[i];
		}
	}
}

static void util_sample(void)
{
	u64 busy, total;

	cpu_time(&busy, &total);
	/* Idle time is counted late on a sleeping CPU: never run backwards. */
	if (total > load.total && busy >= load.busy)
		load.util = min_t(u64, HPC_UTIL_MAX,
				  div64_u64((busy - load.busy) * 100,
					    total - load.total));
	load.busy = busy;
	load.total = total;
	load.since = jiffies;
}

static void load_sample(struct work_struct *work)
{
	/* The task that runs this function is not load. */
	u64 running = max_t(int, nr_running() - 1, 0) * 1000;

	spin_lock(&load.lock);
	load.running = (load.running * (u64)LOAD_DECAY +
			running * (64 - LOAD_DECAY)) / 64;
	if (time_after_eq(jiffies, load.since + HPC_LOAD_PERIOD))
		util_sample();
	spin_unlock(&load.lock);

	schedule_delayed_work(to_delayed_work(work),
			      1 + get_random_u32_below(LOOK_MAX));
}

static DECLARE_DEFERRABLE_WORK(load_work, load_sample);

void hpc_load_start(void)
{
	schedule_delayed_work(&load_work, 0);
}

void hpc_load_stop(void)
{
	cancel_delayed_work_sync(&load_work);
}

u32 hpc_speed(void)
{
	return READ_ONCE(load.speed);
}

void hpc_speed_set(u32 speed)
{
	WRITE_ONCE(load.speed, speed);
}

VISIBLE_IF_KUNIT u32 hpc_load_normalise(u32 running_milli, u32 cpus, u32 speed)
{
	u64 n = (u64)running_milli * HPC_SPEED_STANDARD;

	if (!cpus || !speed)
		return 0;
	return min_t(u64, U32_MAX, div64_u64(n, 10ULL * cpus * speed));
}
EXPORT_SYMBOL_IF_KUNIT(hpc_load_normalise);

void hpc_load_fill(struct hpc_node *node)
{
	u32 running;

	spin_lock(&load.lock);
	running = load.running;
	node->util = load.util;
	spin_unlock(&load.lock);

	node->cpus = num_online_cpus();
	node->speed = hpc_speed();
	node->load = hpc_load_normalise(running, node->cpus, node->speed);
	node->mem = (u64)si_mem_available() << PAGE_SHIFT;
	node->rmem = (u64)global_zone_page_state(NR_FREE_PAGES) << PAGE_SHIFT;
	node->tmem = (u64)totalram_pages() << PAGE_SHIFT;
}
