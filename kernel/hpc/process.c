// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state of a process: made when somebody first says something
 * about it, inherited as far as it is a wish of its owner, freed with it.
 */

#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

struct hpc_process *hpc_process_get(struct task_struct *task)
{
	struct hpc_process *old, *new;

	old = hpc_process(task);
	if (old)
		return old;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	xa_init_flags(&new->files, XA_FLAGS_ALLOC1);
	old = cmpxchg(&task->signal->hpc, NULL, new);
	if (old) {
		kfree(new);
		return old;
	}
	return new;
}

struct hpc_task *hpc_task_get(struct task_struct *task)
{
	struct hpc_task *old, *new;

	old = READ_ONCE(task->hpc);
	if (old)
		return old;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	old = cmpxchg(&task->hpc, NULL, new);
	if (old) {
		kfree(new);
		return old;
	}
	return new;
}

void hpc_kick(struct task_struct *task)
{
	set_tsk_thread_flag(task, TIF_HPC);
	set_notify_signal(task);
}

/* Called with the child not yet visible; its signal_struct may be shared. */
int __hpc_fork(struct task_struct *child)
{
	struct hpc_process *parent = hpc_process(current);
	struct hpc_process *hpc;

	if (child->signal == current->signal || !READ_ONCE(parent->locked))
		return 0;
	hpc = hpc_process_get(child);
	if (!hpc)
		return -ENOMEM;
	hpc->locked = true;
	return 0;
}

/* The process has ended: its files were given back by its last thread. */
void __hpc_free_signal(struct signal_struct *sig)
{
	WARN_ON_ONCE(!xa_empty(&sig->hpc->files));
	kfree(sig->hpc);
}

void __hpc_free_task(struct task_struct *tsk)
{
	kfree(tsk->hpc);
}
