// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that wait for a time counted from their beginning, and know of no way to
 * go on when they are interrupted.  One that a move interrupts is made again
 * after it, with the same arguments: for the rest of its time only.
 *
 * That holds wherever we carry out the call: as a deputy, and at home for the
 * call that was under way when the process came back.
 */

#include <linux/ktime.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/thread_info.h>
#include <linux/time64.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

#include "arch.h"
#include "internal.h"

enum limit { MILLISECONDS, TIMESPEC };

static const struct timed {
	u16 nr;
	u8 arg;		/* counted from 0 */
	u8 limit;
} timed[] = {
	{ __NR_epoll_wait,	3, MILLISECONDS },
	{ __NR_epoll_pwait,	3, MILLISECONDS },
	{ __NR_epoll_pwait2,	3, TIMESPEC },
	{ __NR_semtimedop,	3, TIMESPEC },
	{ __NR_rt_sigtimedwait,	2, TIMESPEC },
};

static const struct timed *find(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(timed); i++)
		if (timed[i].nr == nr)
			return &timed[i];
	return NULL;
}

/* When the call is to end.  false: never, or it will fail anyway. */
static bool ends(const struct timed *t, unsigned long limit, ktime_t *until)
{
	struct timespec64 ts;

	if (t->limit == MILLISECONDS) {
		if ((int)limit < 0)
			return false;
		*until = ktime_add_ms(ktime_get(), (int)limit);
		return true;
	}
	if (!limit || get_timespec64(&ts, (void __user *)limit) ||
	    !timespec64_valid(&ts))
		return false;
	*until = ktime_add_safe(ktime_get(), timespec64_to_ktime(ts));
	return true;
}

/* A deputy's memory is a shadow, of which the program sees nothing. */
static void shorten(const struct hpc_task *hpc, const struct timed *t,
		    unsigned long *arg)
{
	s64 left = max_t(s64, 0, ktime_sub(hpc->wait.until, ktime_get()));
	struct timespec64 ts = ns_to_timespec64(left);

	if (t->limit == MILLISECONDS)
		*arg = min_t(u64, INT_MAX, DIV_ROUND_UP_ULL(left, NSEC_PER_MSEC));
	else if (hpc->role == HPC_DEPUTY)
		put_timespec64(&ts, (void __user *)*arg);
}

long hpc_wait_call(struct hpc_task *hpc, struct pt_regs *regs, unsigned int nr)
{
	const struct timed *t = find(nr);
	unsigned long arg[6], *limit, was;
	long ret;

	if (!t) {
		hpc->wait.nr = 0;
		return x64_sys_call(regs, nr);
	}
	syscall_get_arguments(current, regs, arg);
	limit = t->arg == 2 ? &regs->dx : &regs->r10;
	was = *limit;
	if (hpc->wait.nr == nr && !memcmp(arg, hpc->wait.arg, sizeof(arg))) {
		shorten(hpc, t, limit);
	} else {
		hpc->wait.nr = ends(t, was, &hpc->wait.until) ? nr : 0;
		memcpy(hpc->wait.arg, arg, sizeof(arg));
	}
	ret = x64_sys_call(regs, nr);
	*limit = was;
	return ret;
}

void hpc_wait_home(struct hpc_task *hpc)
{
	struct pt_regs *regs = current_pt_regs();

	if (hpc_interrupted() && syscall_get_nr(current, regs) == hpc->wait.nr)
		set_task_syscall_work(current, HPC);
	else
		hpc->wait.nr = 0;
}

bool hpc_wait_enter(struct hpc_task *hpc, struct pt_regs *regs, long nr)
{
	clear_task_syscall_work(current, HPC);
	/* Tracers and filters are not to miss anything. */
	if (in_ia32_syscall() || nr != hpc->wait.nr ||
	    READ_ONCE(current_thread_info()->syscall_work)) {
		hpc->wait.nr = 0;
		return false;
	}
	regs->ax = hpc_wait_call(hpc, regs, nr);
	if (!hpc_process(current)->request || (regs->ax != -EINTR && !hpc_interrupted_by(regs->ax)))
		hpc->wait.nr = 0;
	return true;
}
