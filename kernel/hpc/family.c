// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of a process that is away, and its exec.
 *
 * A child is born twice.  Its home decides first, as that is where its parent,
 * its process group and its files are; the guest's node makes the other half
 * with the number home gave it:
 *
 *	guest				deputy
 *	CLONE			--->	opens a door for one connection
 *				<---	LISTEN	port and token
 *	connects, sends TOKEN	===>	has the child's link; clones itself
 *				<---	CLONED	number of the child
 *	clones itself
 *
 * Whatever fails before CLONED fails the call and leaves nothing behind.
 * If the guest's node cannot make its half, the child has been killed.
 *
 * exec takes no memory anywhere: the deputy carries it out, on its own, and is
 * the process again.
 */

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/init_task.h>
#include <linux/net.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "arch.h"
#include "guest.h"
#include "image.h"
#include "internal.h"
#include "link.h"

/* What each half of a clone() is about; the rest is done at home alone. */
#define GUEST_FLAGS	(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | \
			 CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | \
			 CLONE_CHILD_CLEARTID | CLONE_CLEAR_SIGHAND)
/* A thread shares with its process at both ends. */
#define THREAD_FLAGS	(CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | CLONE_FS | \
			 CLONE_FILES | CLONE_SYSVSEM)
#define HOME_FLAGS	(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_IO | \
			 CLONE_PARENT | CLONE_UNTRACED | CLONE_CLEAR_SIGHAND)

/* The right to choose a number, which neither half has of its own. */
static const struct cred *chooser;

int __init hpc_family_init(void)
{
	chooser = prepare_kernel_cred(&init_task);
	return chooser ? 0 : -ENOMEM;
}

/* --- at fork --------------------------------------------------------------- */

/* Files have the same numbers on the child's link as on its parent's. */
static int inherit_files(struct hpc_process *child,
			 struct hpc_process *parent)
{
	unsigned long id;
	struct file *file;
	int ret;

	xa_for_each(&parent->files, id, file) {
		ret = xa_err(xa_store_irq(&child->files, id, file,
					  GFP_KERNEL_ACCOUNT));
		if (ret)
			return ret;
		get_file(file);
	}
	return 0;
}

static int inherit(struct task_struct *child, const struct hpc_birth *birth)
{
	struct hpc_process *parent = hpc_process(current);
	struct hpc_process *p = hpc_process_get(child);

	if (!p)
		return -ENOMEM;
	memcpy(p->boot_id, parent->boot_id, sizeof(p->boot_id));
	p->home = parent->home;
	p->where = parent->where;
	p->home_pid = birth->pid;
	return inherit_files(p, parent);
}

int hpc_family_fork(struct task_struct *child, struct hpc_birth *birth)
{
	struct hpc_task *hpc = hpc_task_get(child);
	int ret = 0;

	if (!hpc)
		return -ENOMEM;
	if (child->signal != current->signal)
		ret = inherit(child, birth);
	if (ret)
		return ret;
	hpc->role = birth->role;
	hpc->link = birth->link;
	hpc->image = birth->image;
	child->blocked = birth->blocked;
	set_tsk_thread_flag(child, TIF_HPC);
	if (birth->role != HPC_BORN_DEPUTY) {
		set_task_syscall_work(child, HPC);
		/* The child has its own by now. */
		birth->cred = override_creds(chooser);
	}
	return 0;
}

static pid_t clone_half(struct hpc_task *hpc, struct hpc_birth *birth,
			struct kernel_clone_args *args)
{
	pid_t pid;

	hpc->birth = birth;
	pid = kernel_clone(args);
	hpc->birth = NULL;
	if (birth->cred)
		revert_creds(birth->cred);
	/* Otherwise it is the child's. */
	if (pid < 0)
		hpc_link_close(birth->link);
	return pid;
}

void hpc_born(struct hpc_task *hpc)
{
	struct hpc_process *p = hpc_process(current);

	if (hpc->role == HPC_BORN_DEPUTY) {
		if (thread_group_leader(current))
			hpc_event(HPC_EVENT_AWAY, task_tgid_nr(current),
				  p->where, 0);
		hpc_deputy_run(hpc);
		return;
	}
	clear_thread_flag(TIF_HPC);
	hpc_guest_begin(hpc);
	if (thread_group_leader(current))
		hpc_remote_add(current);
	hpc_link_watch(hpc->link, current);
}

/* --- home ------------------------------------------------------------------ */

static int send_cloned(struct hpc_task *hpc, pid_t pid)
{
	struct hpc_wire_cloned w = {
		.pid	= cpu_to_le32(pid < 0 ? 0 : pid),
		.error	= cpu_to_le32(pid < 0 ? -pid : 0),
	};

	return hpc_link_send(hpc->link, HPC_F_CLONED, &w, sizeof(w));
}

static struct hpc_link *await_child(struct hpc_task *hpc)
{
	struct hpc_wire_listen w;
	struct hpc_link *link;
	struct socket *door;
	u32 tid;

	door = hpc_link_listen(hpc->link, &w);
	if (IS_ERR(door))
		return ERR_CAST(door);
	link = hpc_link_accept(hpc->link, door, w.token, &tid);
	sock_release(door);
	return link;
}

/* Of a thread or a process, with @more that concern this half. */
static bool flags_known(u64 flags, u64 more)
{
	if (flags & CLONE_THREAD)
		return (flags & THREAD_FLAGS) == THREAD_FLAGS &&
		       !(flags & ~(THREAD_FLAGS | more));
	return !(flags & ~more);
}

int hpc_serve_clone(struct hpc_task *hpc, u32 len)
{
	struct hpc_birth birth = { .role = HPC_BORN_DEPUTY };
	struct kernel_clone_args args = {};
	struct hpc_wire_clone w;
	pid_t pid;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	args.flags = le64_to_cpu(w.flags);
	args.exit_signal = le32_to_cpu(w.exit_signal);
	if (!flags_known(args.flags, HOME_FLAGS) || !valid_signal(args.exit_signal) ||
	    w.reserved)
		return -EPROTO;
	birth.link = await_child(hpc);
	/* The door was shut, and that was told. */
	if (IS_ERR(birth.link))
		return PTR_ERR(birth.link) == -ETIMEDOUT ?
			send_cloned(hpc, -EAGAIN) : hpc->link->error;
	birth.blocked = current->blocked;
	pid = clone_half(hpc, &birth, &args);
	/* A signal came first: it is to be dealt with, and the call made again. */
	if (signal_pending(current)) {
		ret = hpc_deputy_signals(hpc);
		if (ret)
			return ret;
	}
	return send_cloned(hpc, pid);
}

/* --- guest ----------------------------------------------------------------- */

static long clone_guest(struct hpc_task *hpc, struct hpc_birth *birth,
			struct kernel_clone_args *args)
{
	sigset_t all, blocked = current->blocked;
	pid_t set_tid[] = { birth->pid };

	birth->role = HPC_BORN_GUEST;
	birth->blocked = blocked;
	/* Waited for at home; here by who waits for all guests. */
	if (args->flags & CLONE_THREAD)
		args->flags &= GUEST_FLAGS | THREAD_FLAGS;
	else
		args->flags = (args->flags & GUEST_FLAGS) | CLONE_PARENT;
	args->flags |= CLONE_UNTRACED;
	args->set_tid = set_tid;
	args->set_tid_size = ARRAY_SIZE(set_tid);
	/* Home has done its part: a signal is too late to end the call. */
	sigfillset(&all);
	set_current_blocked(&all);
	clone_half(hpc, birth, args);
	set_current_blocked(&blocked);
	return birth->pid;
}

/* A link that is no network connection cannot have a second one beside it. */
static int listen_failed(u32 error)
{
	return error == EOPNOTSUPP ? -EXDEV : -EAGAIN;
}

static u64 home_flags(u64 flags)
{
	return flags & (flags & CLONE_THREAD ? THREAD_FLAGS | HOME_FLAGS
					     : HOME_FLAGS);
}

/* The first of an arriving process makes the others before any of them runs. */
pid_t hpc_family_thread(struct hpc_task *hpc, struct hpc_thread_image *image)
{
	pid_t set_tid[] = { le32_to_cpu(image->thread.tid) };
	struct kernel_clone_args args = {
		.flags		= THREAD_FLAGS | CLONE_UNTRACED,
		.set_tid	= set_tid,
		.set_tid_size	= ARRAY_SIZE(set_tid),
	};
	struct hpc_birth birth = {
		.role		= HPC_ARRIVING,
		.image		= image,
		.blocked	= current->blocked,
	};

	return clone_half(hpc, &birth, &args);
}

long hpc_guest_clone(struct hpc_task *hpc, struct kernel_clone_args *args)
{
	struct hpc_wire_clone w = {
		.flags		= cpu_to_le64(home_flags(args->flags)),
		.exit_signal	= cpu_to_le32(args->exit_signal),
	};
	struct hpc_birth birth = {};
	struct hpc_wire_listen listen;
	struct hpc_wire_cloned cloned;
	int ret;

	if (!flags_known(args->flags, GUEST_FLAGS | HOME_FLAGS))
		return -EXDEV;
	/* Memory is shared with a child until its exec, or not at all. */
	if ((args->flags & (CLONE_VM | CLONE_VFORK | CLONE_THREAD)) == CLONE_VM)
		return -EXDEV;
	ret = hpc_guest_ask(hpc, HPC_F_CLONE, &w, sizeof(w),
			    HPC_F_LISTEN, &listen, sizeof(listen));
	if (ret)
		return ret;
	if (listen.error)
		return listen_failed(le32_to_cpu(listen.error));
	birth.link = hpc_link_connect(hpc->link, &listen, 0);
	ret = hpc_guest_answer(hpc, HPC_F_CLONED, &cloned, sizeof(cloned));
	ret = ret ?: -(int)le32_to_cpu(cloned.error);
	if (ret || IS_ERR(birth.link)) {
		if (!IS_ERR(birth.link))
			hpc_link_close(birth.link);
		return ret ?: -EAGAIN;
	}
	birth.pid = le32_to_cpu(cloned.pid);
	return clone_guest(hpc, &birth, args);
}
