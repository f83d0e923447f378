// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's state of a process: made when somebody first says something
 * about it, inherited as far as it is a wish of its owner, freed with it.
 */

#include <linux/hpc.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <asm/syscall.h>
#include <asm/vdso.h>
#include <asm/unistd.h>

#include "arch.h"
#include "guest.h"
#include "image.h"
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
	/* Its last reference may go in a softirq. */
	xa_init_flags(&new->files, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
	hpc_gather_init(&new->gather);
	mutex_init(&new->lock);
	old = cmpxchg(&task->signal->hpc, NULL, new);
	if (old) {
		kfree(new);
		return old;
	}
	return new;
}

static void kick_again(struct timer_list *timer)
{
	struct hpc_task *hpc = from_timer(hpc, timer, retry);

	hpc_kick(hpc->task);
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
	new->task = task;
	timer_setup(&new->retry, kick_again, 0);
	timer_setup(&new->report, hpc_guest_report, 0);
	old = cmpxchg(&task->hpc, NULL, new);
	if (old) {
		kfree(new);
		return old;
	}
	return new;
}

void hpc_process_moved(const struct hpc_image_stats *stats, u64 since)
{
	struct hpc_process *p = hpc_process(current);

	p->nmigs++;
	p->image_bytes = stats->bytes;
	p->image_pages = stats->pages;
	p->moved = ktime_get_ns();
	p->freeze_ns = p->moved - since;
}

/* A program that gives rights does not heed its environment's restrictions. */
static bool is_secure(struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	bool secure = false;
	unsigned int i;

	if (!mm)
		return false;
	for (i = 0; i + 1 < AT_VECTOR_SIZE; i += 2)
		if (mm->saved_auxv[i] == AT_SECURE)
			secure = mm->saved_auxv[i + 1];
	mmput(mm);
	return secure;
}

bool hpc_process_portable(struct task_struct *task)
{
	struct hpc_process *p = hpc_process(task);

	return p && READ_ONCE(p->portable) && !is_secure(task);
}

void hpc_process_info(struct task_struct *task, struct hpc_info *info)
{
	struct hpc_process *p = hpc_process(task);
	struct hpc_wish none = {};

	info->cantmove = hpc_cantmove(task);
	if (hpc_process_portable(task))
		info->flags |= HPC_INFO_PORTABLE;
	hpc_wish_decay(p ? &p->wish : &none, &info->decay_interval,
		       &info->decay_keep);
	if (!p)
		return;
	if (hpc_role(task) == HPC_GUEST) {
		info->role = HPC_ROLE_GUEST;
		info->node = p->home;
		info->home_pid = p->home_pid;
	} else if (READ_ONCE(p->where)) {
		info->role = HPC_ROLE_AWAY;
		info->node = READ_ONCE(p->where);
	}
	info->nmigs = p->nmigs;
	info->calls = p->calls;
	info->pages = p->pages;
	info->image_bytes = p->image_bytes;
	info->image_pages = p->image_pages;
	info->freeze_ns = p->freeze_ns;
	info->job = p->wish.job;
	info->decay = p->wish.decay;
	info->moved = p->moved;
	info->cleared = READ_ONCE(p->cleared);
}

bool hpc_vdso_busy(struct hpc_task *hpc)
{
	const struct vdso_image *image = current->mm->context.vdso_image;
	unsigned long code = (unsigned long)current->mm->context.vdso;
	unsigned long ip = instruction_pointer(current_pt_regs());

	if (!image || ip < code || ip >= code + image->size) {
		hpc->vdso_busy = 0;
		return false;
	}
	/*
	 * Where many share a processor it has not run a single instruction when a
	 * short timer rings, and would never get to: longer each time.
	 */
	mod_timer(&hpc->retry, jiffies + (1UL << hpc->vdso_busy));
	if (hpc->vdso_busy < 7)
		hpc->vdso_busy++;
	return true;
}

bool hpc_interrupted(void)
{
	struct pt_regs *regs = current_pt_regs();

	return syscall_get_nr(current, regs) >= 0 &&
	       hpc_interrupted_by(regs->ax);
}

/*
 * Which call restart_syscall() would go on with, 0 if that is not known.  It
 * may have done so before, with nobody of us looking.
 */
static u32 restart_nr(int nr)
{
	long (*fn)(struct restart_block *) = current->restart_block.fn;

	if (nr != __NR_restart_syscall)
		return nr;
	if (fn == futex_wait_restart)
		return __NR_futex;
	if (fn == do_restart_poll)
		return __NR_poll;
	if (fn != hrtimer_nanosleep_restart)
		return 0;
	/* The first argument of the one is a clock, of the other an address. */
	return current_pt_regs()->di < MAX_CLOCKS ? __NR_clock_nanosleep
						  : __NR_nanosleep;
}

void hpc_interrupted_note(struct hpc_task *hpc)
{
	struct pt_regs *regs = current_pt_regs();
	int nr = syscall_get_nr(current, regs);

	/* A guest notes it when the call begins. */
	if (nr >= 0 && regs->ax == -ERESTART_RESTARTBLOCK &&
	    hpc->role != HPC_GUEST)
		hpc->restart_nr = restart_nr(nr);
	/* No signal came that the mask of ppoll() or sigsuspend() let in. */
	restore_saved_sigmask();
}

/* So soon somebody looks again who is just about to stop. */
#define STOPS_SOON	max(1, HZ / 50)

/* Signals that stop it are pending, and take it before anything else does. */
static bool stops_again(const struct task_struct *task)
{
	unsigned long pending = task->pending.signal.sig[0] |
				task->signal->shared_pending.signal.sig[0];

	return pending & SIG_KERNEL_STOP_MASK & ~task->blocked.sig[0];
}

/*
 * A deputy that is stopped, or about to be: it is to look at its link, and stops
 * again by itself.  To everybody the process is stopped all the while.
 */
static void rouse(struct task_struct *task, struct hpc_task *hpc)
{
	unsigned long flags;

	if (!lock_task_sighand(task, &flags))
		return;
	if (!(task->jobctl & JOBCTL_TRAP_FREEZE) &&
	    (!task_is_stopped(task) || stops_again(task)))
		mod_timer(&hpc->retry, jiffies + STOPS_SOON);
	if (task_is_stopped(task)) {
		task->jobctl &= ~JOBCTL_STOPPED;
		wake_up_state(task, __TASK_STOPPED);
	}
	unlock_task_sighand(task, &flags);
}

void hpc_kick(struct task_struct *task)
{
	struct hpc_task *hpc = READ_ONCE(task->hpc);

	set_tsk_thread_flag(task, TIF_HPC);
	set_notify_signal(task);
	/* Pairs with stand_still() in deputy.c. */
	smp_mb();
	if (hpc && READ_ONCE(hpc->role) == HPC_DEPUTY &&
	    test_bit(HPC_T_STOPPED, &hpc->flags))
		rouse(task, hpc);
}

/* Called with the child not yet visible; its signal_struct may be shared. */
int __hpc_fork(struct task_struct *child)
{
	struct hpc_process *parent = hpc_process(current);
	struct hpc_process *hpc;
	int ret;

	if (current->hpc && current->hpc->birth) {
		ret = hpc_family_fork(child, current->hpc->birth);
		if (ret)
			return ret;
	}
	if (child->signal == current->signal) {
		/* The others wait for it. */
		if (READ_ONCE(parent->request))
			set_tsk_thread_flag(child, TIF_HPC);
		return 0;
	}
	if (!READ_ONCE(parent->locked) && !READ_ONCE(parent->portable) &&
	    !parent->wish.job && !parent->wish.decay)
		return 0;
	hpc = hpc_process_get(child);
	if (!hpc)
		return -ENOMEM;
	hpc->locked = READ_ONCE(parent->locked);
	hpc->portable = READ_ONCE(parent->portable);
	hpc->wish = parent->wish;
	return 0;
}

void __hpc_free_signal(struct signal_struct *sig)
{
	/* A child that was never born still has its parent's. */
	hpc_files_clear(sig->hpc);
	kfree(sig->hpc);
}

void __hpc_free_task(struct task_struct *tsk)
{
	kfree(tsk->hpc);
}
