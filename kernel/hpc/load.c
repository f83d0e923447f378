// SPDX-License-Identifier: GPL-2.0-only
/*
 * How busy this node is, as the other nodes will be told.
 *
 * While the machine is in a cluster, a deferrable work looks at the run queues
 * some 16 times a second, and at the CPU time counters four times; a machine in
 * no cluster does not spend a cycle on it.  When it looks is left to chance, as
 * others who look at something by the clock would all be running just then.
 *
 * A deferrable work still runs when somebody else has woken the processor up, who
 * is runnable just then; so of those it sees, only as many count as the time that
 * processors were in use allows.
 */

#include <linux/cpumask.h>
#include <linux/kernel_stat.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched/stat.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/tick.h>
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
 * @in_use:	processors that were in use since the sample before, times 1000
 * @busy:	CPU time spent, all processors, at the last sample, in ns
 * @total:	the same, with idle time
 * @since:	when that was, in jiffies
 * @speed:	of one processor of this node
 */
static struct load {
	spinlock_t	lock;
	u32		running;
	u32		in_use;
	u64		busy;
	u64		total;
	unsigned long	since;
	u32		speed;
} load = {
	.lock	= __SPIN_LOCK_UNLOCKED(load.lock),
	.speed	= HPC_SPEED_STANDARD,
};

/* Of a sleeping processor, too: its own counters know only when it wakes up. */
static u64 idle_time(struct kernel_cpustat *stat, int cpu)
{
	u64 iowait = get_cpu_iowait_time_us(cpu, NULL);

	return get_idle_time(stat, cpu) +
	       (iowait == -1ULL ? stat->cpustat[CPUTIME_IOWAIT] :
				  iowait * NSEC_PER_USEC);
}

static void cpu_time(u64 *busy, u64 *total)
{
	struct kernel_cpustat stat;
	u64 idle = 0;
	int cpu, i;

	*busy = 0;
	for_each_online_cpu(cpu) {
		kcpustat_cpu_fetch(&stat, cpu);
		for (i = CPUTIME_USER; i <= CPUTIME_STEAL; i++)
			if (i != CPUTIME_IDLE && i != CPUTIME_IOWAIT)
				*busy += stat.cpustat[i];
		idle += idle_time(&stat, cpu);
	}
	*total = *busy + idle;
}

static void in_use_sample(void)
{
	u64 busy, total;

	if (time_before(jiffies, load.since + HPC_LOAD_PERIOD))
		return;
	cpu_time(&busy, &total);
	/* A processor that was switched off takes its time with it. */
	if (total > load.total && busy >= load.busy)
		load.in_use = div64_u64((busy - load.busy) * 1000 *
					num_online_cpus(), total - load.total);
	load.busy = busy;
	load.total = total;
	load.since = jiffies;
}

VISIBLE_IF_KUNIT u32 hpc_load_running(u32 seen, u32 in_use, u32 cpus)
{
	u32 filled = 1000 * min(seen, cpus);

	if (!filled)
		return 0;
	return div_u64(1000ULL * seen * min(in_use, filled), filled);
}
EXPORT_SYMBOL_IF_KUNIT(hpc_load_running);

static void load_sample(struct work_struct *work)
{
	/* The task that runs this function is not load. */
	u32 seen = max_t(int, nr_running() - 1, 0), running;

	spin_lock(&load.lock);
	in_use_sample();
	running = hpc_load_running(seen, load.in_use, num_online_cpus());
	load.running = (load.running * (u64)LOAD_DECAY +
			running * (64ULL - LOAD_DECAY)) / 64;
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
	u32 running, in_use;

	spin_lock(&load.lock);
	running = load.running;
	in_use = load.in_use;
	spin_unlock(&load.lock);

	node->cpus = num_online_cpus();
	node->util = min_t(u32, HPC_UTIL_MAX, in_use / (10 * node->cpus));
	node->speed = hpc_speed();
	node->load = hpc_load_normalise(running, node->cpus, node->speed);
	node->mem = (u64)si_mem_available() << PAGE_SHIFT;
	node->rmem = (u64)global_zone_page_state(NR_FREE_PAGES) << PAGE_SHIFT;
	node->tmem = (u64)totalram_pages() << PAGE_SHIFT;
}
