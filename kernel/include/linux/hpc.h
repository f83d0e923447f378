/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of the core kernel into the migration engine.
 *
 * With CONFIG_HPC=n every one of them is an empty inline and the flags are
 * zero, so that no call site carries an #ifdef and the compiled kernel is what
 * it is without the hooks.  With it on, a task the engine has no business with
 * pays one test of a pointer at fork and exit, and nothing anywhere else: the
 * hooks of the entry code sit behind flags that are tested anyway.
 */
#ifndef _LINUX_HPC_H
#define _LINUX_HPC_H

#include <linux/sched.h>
#include <linux/sched/signal.h>

struct ksignal;
struct mm_struct;
struct pid;
struct pid_namespace;
struct pt_regs;
struct restart_block;
struct seq_file;

#ifdef CONFIG_HPC

/* A function that is static without the engine. */
#define hpc_shown

/* What restart_syscall() goes on with after a futex wait, poll() or a sleep. */
long futex_wait_restart(struct restart_block *restart);
long do_restart_poll(struct restart_block *restart);
long hrtimer_nanosleep_restart(struct restart_block *restart);

/* A new task begins with nothing of the engine's; @tsk is not visible yet. */
static inline void hpc_dup_task(struct task_struct *tsk)
{
	tsk->hpc = NULL;
	clear_tsk_thread_flag(tsk, TIF_HPC);
	clear_task_syscall_work(tsk, HPC);
}

int __hpc_fork(struct task_struct *child);
void __hpc_free_task(struct task_struct *tsk);
void __hpc_free_signal(struct signal_struct *sig);

/* Gives a new process what it inherits (the lock).  -ENOMEM or 0. */
static inline int hpc_fork(struct task_struct *child)
{
	return unlikely(current->signal->hpc) ? __hpc_fork(child) : 0;
}

/* The last reference to a task, or to its signal_struct, is gone. */
static inline void hpc_free_task(struct task_struct *tsk)
{
	if (unlikely(tsk->hpc))
		__hpc_free_task(tsk);
}

static inline void hpc_free_signal(struct signal_struct *sig)
{
	if (unlikely(sig->hpc))
		__hpc_free_signal(sig);
}

/* A system call of a task with SYSCALL_WORK_HPC.  true: do not carry it out. */
bool hpc_syscall_enter(struct pt_regs *regs, long nr);

/* A task with TIF_HPC is about to return to user mode. */
void hpc_exit_to_user(struct pt_regs *regs, unsigned long ti_work);

void __hpc_exit(struct task_struct *tsk, long code);
bool __hpc_signal_fatal(struct ksignal *ksig);

/* @tsk, which is current, is ending with @code. */
static inline void hpc_exit(struct task_struct *tsk, long code)
{
	if (unlikely(tsk->hpc))
		__hpc_exit(tsk, code);
}

/* The current task is to die of @ksig.  true: not now, it goes home first. */
static inline bool hpc_signal_fatal(struct ksignal *ksig)
{
	return unlikely(current->hpc) && __hpc_signal_fatal(ksig);
}

/*
 * Around the attaching of a debugger to @task: it comes home and stays.  Waits
 * for that; an error means that it was not to be had, and there is no end.
 */
int hpc_trace_begin(struct task_struct *task);
void hpc_trace_end(struct task_struct *task);

int __hpc_mm_access(struct task_struct *task, unsigned int mode);

/* The memory of @task is wanted, with the rights @mode: it has to be here. */
static inline int hpc_mm_access(struct task_struct *task, unsigned int mode)
{
	return unlikely(task->signal->hpc) ? __hpc_mm_access(task, mode) : 0;
}

/* fs/exec.c: gives the current task another address space, as exec does. */
int hpc_exec_mmap(struct mm_struct *mm);

/* /proc/PID/{where,nmigs,cantmove,lock,portable,goto}, see kernel/hpc/proc_pid.c */
int hpc_proc_where(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task);
int hpc_proc_nmigs(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task);
int hpc_proc_cantmove(struct seq_file *m, struct pid_namespace *ns,
		      struct pid *pid, struct task_struct *task);
extern const struct file_operations hpc_proc_lock_operations;
extern const struct file_operations hpc_proc_portable_operations;
extern const struct file_operations hpc_proc_goto_operations;

#else /* !CONFIG_HPC */

#define hpc_shown static

static inline void hpc_dup_task(struct task_struct *tsk) { }
static inline int hpc_fork(struct task_struct *child) { return 0; }
static inline void hpc_free_task(struct task_struct *tsk) { }
static inline void hpc_free_signal(struct signal_struct *sig) { }
static inline bool hpc_syscall_enter(struct pt_regs *regs, long nr)
{
	return false;
}
static inline void hpc_exit_to_user(struct pt_regs *regs,
				    unsigned long ti_work) { }
static inline void hpc_exit(struct task_struct *tsk, long code) { }
static inline bool hpc_signal_fatal(struct ksignal *ksig)
{
	return false;
}
static inline int hpc_trace_begin(struct task_struct *task) { return 0; }
static inline void hpc_trace_end(struct task_struct *task) { }
static inline int hpc_mm_access(struct task_struct *task, unsigned int mode)
{
	return 0;
}

#endif /* CONFIG_HPC */

#endif /* _LINUX_HPC_H */
