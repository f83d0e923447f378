// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who wants to look into a process wants it at home: a debugger that attaches
 * to it, and whoever reads or writes its memory with a debugger's rights
 * (process_vm_readv(), /proc/PID/mem).  They wait here until it has come.
 *
 * A debugger's process stays, as "traced" is among the reasons; and so that it
 * cannot leave between its coming and that, it is held (hpc_process.tracers).
 */

#include <linux/jiffies.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "internal.h"

/* As long as a homecoming may take: see TAKEN_TIMEOUT in guest.c. */
#define COME_TIMEOUT	(130 * HZ)
/* What ends does not say so; it is seen this much later. */
#define LOOK_AGAIN	max(1, HZ / 20)

static bool at_home(const struct hpc_process *p)
{
	/* Pairs with leave_work(): where it is, is said before it is gone. */
	return !smp_load_acquire(&p->leaving) && !READ_ONCE(p->where);
}

/* Nobody can bring it: it is about to end. */
static bool ends(const struct task_struct *task)
{
	return task->exit_state ||
	       READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT;
}

/*
 * 0: it is here, or ends.  -ENOMEM: home has no room; -ETIMEDOUT;
 * -ERESTARTNOINTR: a signal.
 */
static int await_home(struct task_struct *task, struct hpc_process *p)
{
	unsigned long end = jiffies + COME_TIMEOUT;
	unsigned int refused = READ_ONCE(p->refused);
	long ret;

	while (!at_home(p) && !ends(task)) {
		if (READ_ONCE(p->refused) != refused)
			return -ENOMEM;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		if (READ_ONCE(p->where) && !READ_ONCE(p->bring))
			hpc_bring(task);
		ret = wait_event_interruptible_timeout(p->gather.wait,
						       at_home(p), LOOK_AGAIN);
		if (ret < 0)
			return -ERESTARTNOINTR;
	}
	return 0;
}

int hpc_trace_begin(struct task_struct *task)
{
	struct hpc_process *p;
	int ret;

	if (task->flags & PF_KTHREAD)
		return 0;
	if (same_thread_group(task, current) ||
	    !ptrace_may_access(task, PTRACE_MODE_ATTACH_REALCREDS))
		return -EPERM;
	p = hpc_process_get(task);
	if (!p)
		return -ENOMEM;
	/* A guest is traced at its home, where it is a process. */
	if (READ_ONCE(p->home))
		return -EPERM;
	atomic_inc(&p->tracers);
	/* Pairs with leave_work(): one of us sees the other. */
	smp_mb__after_atomic();
	ret = await_home(task, p);
	if (ret)
		hpc_trace_end(task);
	return ret;
}

void hpc_trace_end(struct task_struct *task)
{
	if (!(task->flags & PF_KTHREAD))
		atomic_dec(&hpc_process(task)->tracers);
}

int __hpc_mm_access(struct task_struct *task, unsigned int mode)
{
	struct hpc_process *p = hpc_process(task);

	if (!(mode & PTRACE_MODE_ATTACH) || at_home(p))
		return 0;
	if (same_thread_group(task, current)) {
		/* A guest's own call: it is made again where its memory is. */
		if (hpc_role(current) != HPC_DEPUTY)
			return 0;
		hpc_bring(current);
		return -ERESTARTNOINTR;
	}
	return ptrace_may_access(task, mode) ? await_home(task, p) : -EACCES;
}
