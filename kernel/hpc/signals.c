// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals between a deputy and its guest.
 *
 * Whoever sends a signal finds the deputy.  What a signal does to the process
 * as a whole (end it, stop it, continue it) is done there, by the same code as
 * for any process; only handlers run on the guest's node.  A guest's own faults
 * are delivered where they happen if there is a handler, and at home if not.
 */

#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>

#include "image.h"
#include "internal.h"
#include "link.h"

void hpc_action_save(const struct sigaction *sa, struct hpc_wire_action *w)
{
	w->handler = cpu_to_le64((unsigned long)sa->sa_handler);
	w->flags = cpu_to_le64(sa->sa_flags);
	w->restorer = cpu_to_le64((unsigned long)sa->sa_restorer);
	w->mask = cpu_to_le64(sa->sa_mask.sig[0]);
}

void hpc_action_load(struct sigaction *sa, const struct hpc_wire_action *w)
{
	sa->sa_handler = (__sighandler_t)le64_to_cpu(w->handler);
	/* What only the kernel may set came from nobody we know. */
	sa->sa_flags = le64_to_cpu(w->flags) & UAPI_SA_FLAGS;
	sa->sa_restorer = (__sigrestore_t)le64_to_cpu(w->restorer);
	sa->sa_mask.sig[0] = le64_to_cpu(w->mask);
	sigdelsetmask(&sa->sa_mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
}

void hpc_siginfo_save(const struct kernel_siginfo *info, u32 flags,
		      struct hpc_wire_siginfo *w)
{
	static_assert(sizeof(siginfo_t) == sizeof(w->info));

	memset(w, 0, sizeof(*w));
	copy_siginfo_to_external((siginfo_t *)w->info, info);
	w->flags = cpu_to_le32(flags);
}

int hpc_siginfo_load(const struct hpc_wire_siginfo *w, struct kernel_siginfo *info)
{
	memcpy(info, w->info, sizeof(*info));
	if (w->reserved || !valid_signal(info->si_signo) || !info->si_signo)
		return -EPROTO;
	return 0;
}

/* Sends the current task a signal that was sent to its other half. */
void hpc_siginfo_raise(const struct hpc_wire_siginfo *w)
{
	struct kernel_siginfo info;
	u32 flags = le32_to_cpu(w->flags);

	if (hpc_siginfo_load(w, &info))
		return;
	if (flags & HPC_SIG_FORCE)
		force_sig_info(&info);
	else
		do_send_sig_info(info.si_signo, &info, current,
				 flags & HPC_SIG_GROUP ? PIDTYPE_TGID
						       : PIDTYPE_PID);
}

/* --- what is pending goes home with a guest -------------------------------- */

static void collect(struct sigpending *pending, u32 flags,
		    struct hpc_wire_siginfo *w, unsigned int *n)
{
	sigset_t left = pending->signal;
	struct kernel_siginfo info;
	struct sigqueue *q;
	int sig;

	list_for_each_entry(q, &pending->list, list) {
		if (*n == HPC_MAX_SIGINFOS)
			return;
		hpc_siginfo_save(&q->info, flags, &w[(*n)++]);
		sigdelset(&left, q->info.si_signo);
	}
	/* Sent without an info, for want of memory or of interest. */
	for (sig = 1; sig <= _NSIG && *n < HPC_MAX_SIGINFOS; sig++) {
		if (!sigismember(&left, sig) || sig == SIGKILL)
			continue;
		clear_siginfo(&info);
		info.si_signo = sig;
		info.si_code = SI_USER;
		hpc_siginfo_save(&info, flags, &w[(*n)++]);
	}
}

int hpc_signals_pack(struct hpc_link *link, bool process)
{
	struct hpc_task *hpc = current->hpc;
	struct hpc_wire_siginfo *w;
	unsigned int n = 0, i;
	int ret = 0;

	/* At home they stay in the deputy's queue. */
	if (hpc->role != HPC_GUEST)
		return 0;
	w = kvcalloc(HPC_MAX_SIGINFOS + 1, sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	spin_lock_irq(&current->sighand->siglock);
	if (process)
		collect(&current->signal->shared_pending, HPC_SIG_GROUP, w, &n);
	else
		collect(&current->pending, 0, w, &n);
	spin_unlock_irq(&current->sighand->siglock);
	if (hpc->fatal.si_signo && !process)
		hpc_siginfo_save(&hpc->fatal, HPC_SIG_FORCE, &w[n++]);
	for (i = 0; i < n && !ret; i++)
		ret = hpc_link_send(link, HPC_F_SIGINFO, &w[i], sizeof(w[i]));
	kvfree(w);
	return ret;
}

/* --- a signal is pending for a deputy -------------------------------------- */

enum hpc_signal_kind hpc_signal_peek(void)
{
	enum hpc_signal_kind kind = HPC_SIGNAL_NONE;
	sigset_t pending;
	int sig;

	spin_lock_irq(&current->sighand->siglock);
	sigorsets(&pending, &current->pending.signal,
		  &current->signal->shared_pending.signal);
	sigandnsets(&pending, &pending, &current->blocked);
	if (current->jobctl & (JOBCTL_STOP_PENDING | JOBCTL_TRAP_FREEZE))
		kind = HPC_SIGNAL_STOP;
	for (sig = 1; sig <= _NSIG; sig++) {
		__sighandler_t handler;

		if (!sigismember(&pending, sig))
			continue;
		kind = max(kind, HPC_SIGNAL_ANY);
		handler = current->sighand->action[sig - 1].sa.sa_handler;
		if (sig != SIGSTOP && sig != SIGKILL && handler != SIG_DFL)
			continue;
		if (sig_kernel_stop(sig))
			kind = max(kind, HPC_SIGNAL_STOP);
		else if (sig_kernel_coredump(sig))
			kind = max(kind, HPC_SIGNAL_CORE);
	}
	spin_unlock_irq(&current->sighand->siglock);
	return kind;
}
