// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threads of a process move together: each comes to hpc_gather() when its
 * registers are pure user state, the last to come does the work for all, and
 * all go on with its result.
 */

#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "internal.h"

/* Threads that end do not say so; it is seen this much later. */
#define LOOK_AGAIN	max(1, HZ / 50)

void hpc_gather_init(struct hpc_gather *g)
{
	spin_lock_init(&g->lock);
	init_waitqueue_head(&g->wait);
}

static bool all_here(const struct hpc_gather *g)
{
	return g->arrived >= atomic_read(&current->signal->live);
}

/* Is there a reason to look, with the lock? */
static bool over(const struct hpc_gather *g, unsigned int round)
{
	return READ_ONCE(g->round) != round || READ_ONCE(g->working) ||
	       all_here(g);
}

/* Ends the round for those who wait.  Called with the lock. */
static void end_round(struct hpc_gather *g, int result)
{
	g->result = result;
	g->arrived = 0;
	g->working = false;
	g->round++;
	wake_up_all(&g->wait);
}

/* Somebody works for us; that ends, if only because it is killed as we are. */
static void await_work(struct hpc_gather *g, unsigned int round)
{
	spin_unlock(&g->lock);
	wait_event_idle(g->wait, READ_ONCE(g->round) != round);
	spin_lock(&g->lock);
}

int hpc_gather(struct hpc_task *hpc, long timeout,
	       int (*work)(struct hpc_task *hpc))
{
	struct hpc_process *p = hpc_process(current);
	struct hpc_gather *g = &p->gather;
	unsigned int round;
	int ret;

	spin_lock(&g->lock);
	round = g->round;
	g->arrived++;
	while (g->round == round) {
		if (g->working) {
			await_work(g, round);
			break;
		}
		if (all_here(g)) {
			g->working = true;
			spin_unlock(&g->lock);
			ret = work(hpc);
			spin_lock(&g->lock);
			end_round(g, ret);
			break;
		}
		if (fatal_signal_pending(current)) {
			g->arrived--;
			spin_unlock(&g->lock);
			return -EINTR;
		}
		/* Nobody came in time, or what we came for is over. */
		if (timeout <= 0 ||
		    (timeout != MAX_SCHEDULE_TIMEOUT && !READ_ONCE(p->request))) {
			end_round(g, -EBUSY);
			break;
		}
		spin_unlock(&g->lock);
		ret = wait_event_killable_timeout(g->wait, over(g, round),
						  LOOK_AGAIN);
		if (timeout != MAX_SCHEDULE_TIMEOUT)
			timeout -= LOOK_AGAIN - max(ret, 0);
		spin_lock(&g->lock);
	}
	ret = g->result;
	spin_unlock(&g->lock);
	return ret;
}

int hpc_threads_get(struct hpc_task ***ret, unsigned int *n)
{
	unsigned int max = get_nr_threads(current);
	struct task_struct *t;
	struct hpc_task **all;

	all = kvcalloc(max, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	*n = 0;
	rcu_read_lock();
	for_each_thread(current, t)
		if (!(t->flags & PF_EXITING) && t->hpc && *n < max)
			all[(*n)++] = t->hpc;
	rcu_read_unlock();
	*ret = all;
	return 0;
}

void hpc_kick_all(struct task_struct *task, int flag)
{
	struct task_struct *t;
	struct hpc_task *hpc;

	rcu_read_lock();
	for_each_thread(task, t) {
		if (t->flags & PF_EXITING)
			continue;
		hpc = READ_ONCE(t->hpc);
		if (hpc && flag >= 0)
			set_bit(flag, &hpc->flags);
		/* One that we do not know yet makes itself known. */
		hpc_kick(t);
	}
	rcu_read_unlock();
}
