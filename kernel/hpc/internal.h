/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's parts, in the order in which main.c starts them, and what each
 * shows the others.
 */
#ifndef _HPC_INTERNAL_H
#define _HPC_INTERNAL_H

#include <linux/hpc.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <uapi/linux/hpc.h>

struct proc_dir_entry;

/* --- load.c: how busy this node is ---------------------------------------- */

#define HPC_LOAD_PERIOD		(HZ / 4)

void hpc_load_start(void);
void hpc_load_stop(void);
/* Fills in the numbers (cpus to tmem) of @node with those of this moment. */
void hpc_load_fill(struct hpc_node *node);
u32 hpc_speed(void);
void hpc_speed_set(u32 speed);

#if IS_ENABLED(CONFIG_KUNIT)
/* Runnable tasks times 1000 to hpc_node.load. */
u32 hpc_load_normalise(u32 running_milli, u32 cpus, u32 speed);
#endif

/* --- nodes.c: the table of nodes ------------------------------------------- */

#if IS_ENABLED(CONFIG_KUNIT)
int hpc_node_check(const struct hpc_node *node);
#endif

int hpc_node_set(const struct hpc_node *node);
int hpc_node_get(u32 id, struct hpc_node *ret);
/* The node with the lowest number not below @id. */
int hpc_node_next(u32 id, struct hpc_node *ret);
int hpc_node_del(u32 id);
u32 hpc_self(void);
int hpc_self_set(u32 id);

/* --- process.c: what the engine keeps for each process --------------------- */

/**
 * struct hpc_process - hangs off signal_struct::hpc, made when first needed
 * @locked:	/proc/PID/lock: the process stays where it is; inherited
 * @nmigs:	moves so far, /proc/PID/nmigs
 * @where:	node that computes it, 0 for this one
 *
 * Set once with cmpxchg() and freed with the signal_struct, so whoever holds a
 * reference on a task of the process may read it.
 */
struct hpc_process {
	bool	locked;
	u32	nmigs;
	u32	where;
};

/* The process's state; NULL while it has none, which means all zero. */
static inline struct hpc_process *hpc_process(const struct task_struct *task)
{
	return READ_ONCE(task->signal->hpc);
}

/* As above, but makes it.  NULL: no memory. */
struct hpc_process *hpc_process_get(struct task_struct *task);

/* --- cantmove.c: what keeps a process at home -------------------------------- */

enum hpc_stay {
	HPC_STAY_SYSTEM,	/* kernel thread or init */
	HPC_STAY_USER_LOCK,	/* its owner said so in /proc/PID/lock */
	HPC_STAY_TRACED,	/* a debugger holds it */
	HPC_STAY_RT_SCHED,	/* real-time or deadline class */
	HPC_STAY_SECCOMP,	/* its system calls are filtered here */
	HPC_STAY_PRIV_INST,	/* has rights to I/O ports */
	HPC_STAY_IO_URING,	/* shares rings with this kernel */
	HPC_STAY_AIO,		/* likewise, the older way */
	HPC_STAY_CLONE_VM,	/* shares its memory with another process */
	HPC_STAY_SHARED_MEM,	/* writable memory shared with others */
	HPC_STAY_MMAP_DEV,	/* maps a device */
	HPC_STAY_MEM_LOCK,	/* locked memory */
	HPC_STAY_HUGETLB,
	HPC_STAY_USERFAULTFD,
	HPC_STAY_COUNT
};

/* All that holds at this moment, a bit for each; 0: it may move.  Sleeps. */
unsigned long hpc_cantmove(struct task_struct *task);
const char *hpc_stay_word(enum hpc_stay reason);

/* --- proc.c: /proc/hpc ------------------------------------------------------ */

int hpc_proc_init(void);
/* The folder of one node, filled with its files.  NULL: no memory. */
struct proc_dir_entry *hpc_proc_node_add(u32 id);
void hpc_proc_node_del(struct proc_dir_entry *dir);

/* --- control.c: /dev/hpc ---------------------------------------------------- */

int hpc_control_init(void);

#endif /* _HPC_INTERNAL_H */
