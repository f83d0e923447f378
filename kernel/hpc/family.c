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
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "arch.h"
#include "guest.h"
#include "internal.h"
#include "link.h"

/* What each half of a clone() is about; the rest is done at home alone. */
#define GUEST_FLAGS	(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | \
			 CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | \
			 CLONE_CHILD_CLEARTID | CLONE_CLEAR_SIGHAND)
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
		ret = xa_err(xa_store(&child->files, id, file,
				      GFP_KERNEL_ACCOUNT));
		if (ret)
			return ret;
		get_file(file);
	}
	return 0;
}

int hpc_family_fork(struct task_struct *child, struct hpc_birth *birth)
{
	struct hpc_process *parent = hpc_process(current);
	struct hpc_process *p = hpc_process_get(child);
	struct hpc_task *hpc = hpc_task_get(child);
	int ret;

	if (!p || !hpc)
		return -ENOMEM;
	ret = inherit_files(p, parent);
	if (ret)
		return ret;
	memcpy(p->boot_id, parent->boot_id, sizeof(p->boot_id));
	p->home = parent->home;
	p->where = parent->where;
	p->home_pid = birth->pid;
	hpc->role = birth->role;
	hpc->link = birth->link;
	child->blocked = birth->blocked;
	set_tsk_thread_flag(child, TIF_HPC);
	if (birth->role == HPC_BORN_GUEST) {
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
		hpc_event(HPC_EVENT_AWAY, task_tgid_nr(current), p->where, 0);
		hpc_deputy_run(hpc, p->where);
		return;
	}
	clear_thread_flag(TIF_HPC);
	hpc->role = HPC_GUEST;
	hpc->told = current->blocked.sig[0];
	hpc->link->timeout = MAX_SCHEDULE_TIMEOUT;
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

/* Opens the door, says where it is, and returns who came, with the token. */
static struct hpc_link *await_child(struct hpc_task *hpc)
{
	struct hpc_wire_listen w = {};
	struct hpc_link *link;
	struct socket *door;
	u16 port;
	int ret;

	get_random_bytes(w.token, sizeof(w.token));
	door = hpc_link_listen(hpc->link, &port);
	if (IS_ERR(door))
		w.error = cpu_to_le32(-PTR_ERR(door));
	else
		w.port = cpu_to_le16(port);
	ret = hpc_link_send(hpc->link, HPC_F_LISTEN, &w, sizeof(w));
	if (IS_ERR(door))
		return ERR_CAST(door);
	link = ret ? ERR_PTR(ret) : hpc_link_accept(hpc->link, door, w.token);
	sock_release(door);
	return link;
}

int hpc_serve_clone(struct hpc_task *hpc, u32 len)
{
	struct hpc_birth birth = { .role = HPC_BORN_DEPUTY };
	struct kernel_clone_args args = {};
	struct hpc_wire_clone w;
	pid_t pid;
	int ret;

	if (len != sizeof(w))
		return -EPROTO;
	ret = hpc_link_recv(hpc->link, &w, sizeof(w));
	if (ret)
		return ret;
	args.flags = le64_to_cpu(w.flags);
	args.exit_signal = le32_to_cpu(w.exit_signal);
	if (args.flags & ~HOME_FLAGS || !valid_signal(args.exit_signal) ||
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

static struct hpc_link *connect_child(struct hpc_task *hpc,
				      const struct hpc_wire_listen *w)
{
	struct hpc_link *link;
	int ret;

	link = hpc_link_connect(hpc->link, le16_to_cpu(w->port));
	if (IS_ERR(link))
		return link;
	ret = hpc_link_send(link, HPC_F_TOKEN, w->token, sizeof(w->token));
	if (ret) {
		hpc_link_close(link);
		return ERR_PTR(ret);
	}
	return link;
}

static long clone_guest(struct hpc_task *hpc, struct hpc_birth *birth,
			struct kernel_clone_args *args)
{
	sigset_t all, blocked = current->blocked;
	pid_t set_tid[] = { birth->pid };

	birth->role = HPC_BORN_GUEST;
	birth->blocked = blocked;
	args->flags &= GUEST_FLAGS;
	/* Waited for at home; here by who waits for all guests. */
	args->flags |= CLONE_PARENT | CLONE_UNTRACED;
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

long hpc_guest_clone(struct hpc_task *hpc, struct kernel_clone_args *args)
{
	struct hpc_wire_clone w = {
		.flags		= cpu_to_le64(args->flags & HOME_FLAGS),
		.exit_signal	= cpu_to_le32(args->exit_signal),
	};
	struct hpc_birth birth = {};
	struct hpc_wire_listen listen;
	struct hpc_wire_cloned cloned;
	int ret;

	if (args->flags & ~(GUEST_FLAGS | HOME_FLAGS))
		return -EXDEV;
	/* Memory is shared with a child until its exec, or not at all. */
	if ((args->flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM)
		return -EXDEV;
	ret = hpc_guest_ask(hpc, HPC_F_CLONE, &w, sizeof(w),
			    HPC_F_LISTEN, &listen, sizeof(listen));
	if (ret)
		return ret;
	if (listen.error)
		return listen_failed(le32_to_cpu(listen.error));
	birth.link = connect_child(hpc, &listen);
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
