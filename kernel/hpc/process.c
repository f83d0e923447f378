// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state of a process: made when somebody first says something
 * about it, inherited as far as it is a wish of its owner, freed with it.
 */

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
	old = cmpxchg(&task->signal->hpc, NULL, new);
	if (old) {
		kfree(new);
		return old;
	}
	return new;
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

void __hpc_free_signal(struct signal_struct *sig)
{
	kfree(sig->hpc);
}
