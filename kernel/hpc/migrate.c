// SPDX-License-Identifier: GPL-2.0-only
/*
 * The moves: what is asked for, and the transaction that carries it out.
 *
 * Whoever asks only leaves a request and kicks the thread.  The thread itself
 * moves, in hpc_exit_to_user(), which it reaches with its registers in pure user
 * state; a system call it slept in was interrupted and is made again wherever
 * the thread is by then.
 *
 * Up to the moment GO is sent any failure leaves the process as it was.
 */

#define pr_fmt(fmt) "hpc: " fmt

#include <linux/cleanup.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/rseq.h>
#include <linux/sched/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <asm/syscall.h>

#include "fault.h"
#include "guest.h"
#include "image.h"
#include "internal.h"
#include "link.h"

/* How long a target may take to unpack, and a home to say GO. */
#define READY_TIMEOUT	(120 * HZ)
#define GO_TIMEOUT	(60 * HZ)

/* --- asking ---------------------------------------------------------------- */

static void request_free(struct hpc_request *req)
{
	if (!req)
		return;
	hpc_link_close(req->link);
	kfree(req);
}

int hpc_send(struct task_struct *task, int fd, u32 node)
{
	struct hpc_request *req;
	struct hpc_task *hpc;
	struct file *file;
	int ret;

	if (hpc_role(task) != HPC_HOME && hpc_role(task) != HPC_DEPUTY)
		return -EPERM;
	hpc = hpc_task_get(task);
	if (!hpc || !hpc_process_get(task))
		return -ENOMEM;
	req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	if (!req)
		return -ENOMEM;
	file = fget(fd);
	ret = -EBADF;
	if (!file)
		goto err_free;
	req->node = node;
	req->link = hpc_link_open(file);
	fput(file);
	ret = PTR_ERR_OR_ZERO(req->link);
	if (ret)
		goto err_free;
	if (cmpxchg(&hpc->request, NULL, req)) {
		request_free(req);
		return -EBUSY;
	}
	/*
	 * From a deputy's node to another it goes through home.  One that
	 * becomes a deputy just now looks for us after it did.
	 */
	if (hpc_role(task) == HPC_DEPUTY)
		set_bit(HPC_T_BRING, &hpc->flags);
	hpc_kick(task);
	return 0;

err_free:
	kfree(req);
	return ret;
}

int hpc_bring(struct task_struct *task)
{
	struct hpc_task *hpc = READ_ONCE(task->hpc);
	enum hpc_role role = hpc_role(task);

	if (role != HPC_DEPUTY && role != HPC_GUEST)
		return -ESRCH;
	set_bit(HPC_T_BRING, &hpc->flags);
	hpc_kick(task);
	return 0;
}

void hpc_task_release(struct hpc_task *hpc)
{
	timer_delete_sync(&hpc->retry);
	request_free(hpc->request);
	hpc->request = NULL;
	hpc_link_close(hpc->link);
	hpc->link = NULL;
	kvfree(hpc->ranges);
	hpc->ranges = NULL;
}

/* --- leaving home ---------------------------------------------------------- */

/* The target's verdict: 0 READY, otherwise why not. */
static int await_ready(struct hpc_link *link)
{
	struct hpc_wire_refused refused;
	u16 type;
	u32 len;
	int ret;

	link->timeout = READY_TIMEOUT;
	ret = hpc_link_recv_frame(link, &type, &len);
	if (ret)
		return ret;
	if (type == HPC_F_READY && !len)
		return 0;
	if (type != HPC_F_REFUSED || len != sizeof(refused))
		return -EPROTO;
	ret = hpc_link_recv(link, &refused, sizeof(refused));
	if (ret)
		return ret;
	ret = -(int)le32_to_cpu(refused.error);
	return ret < 0 && ret >= -MAX_ERRNO ? ret : -EPROTO;
}

static int send_out(struct hpc_task *hpc, struct hpc_request *req)
{
	struct hpc_image_stats stats = {};
	u64 since = ktime_get_ns();
	int ret;

	hpc_files_clear(hpc_process(current));
	hpc_link_patient(req->link, true);
	ret = hpc_fault(HPC_FAULT_BEFORE_PACK, req->link);
	ret = ret ?: hpc_pack(req->link, &stats);
	ret = ret ?: hpc_fault(HPC_FAULT_AFTER_PACK, req->link);
	ret = ret ?: await_ready(req->link);
	hpc_link_patient(req->link, false);
	ret = ret ?: hpc_fault(HPC_FAULT_BEFORE_GO, req->link);
	ret = ret ?: hpc_link_send(req->link, HPC_F_GO, NULL, 0);
	if (!ret)
		hpc_process_moved(&stats, since);
	return ret;
}

static void leave(struct hpc_task *hpc, struct hpc_request *req)
{
	u32 node = req->node;
	int ret = -EBUSY;

	if (!hpc_cantmove(current))
		ret = send_out(hpc, req);
	if (!ret)
		hpc->link = no_free_ptr(req->link);
	/* A deputy may never come back to free it. */
	request_free(req);
	if (ret) {
		hpc_files_clear(hpc_process(current));
		hpc_event(HPC_EVENT_STAYED, task_tgid_nr(current), node, ret);
		return;
	}
	/* The guest runs: what it has in memory is no longer ours. */
	current->robust_list = NULL;
	current->clear_child_tid = NULL;
	rseq_execve(current);
	/*
	 * A signal that comes before the guest has repeated its call is to
	 * interrupt that call, not to run a handler in front of it.
	 */
	if (hpc_interrupted() &&
	    hpc_call_forwarded(syscall_get_nr(current, current_pt_regs())))
		set_bit(HPC_T_HOLD, &hpc->flags);
	hpc_event(HPC_EVENT_AWAY, task_tgid_nr(current), node, 0);
	hpc_fault(HPC_FAULT_AFTER_GO, hpc->link);
	hpc_deputy_run(hpc, node);
}

/* --- arriving -------------------------------------------------------------- */

static int await_go(struct hpc_link *link)
{
	u16 type;
	u32 len;
	int ret;

	link->timeout = GO_TIMEOUT;
	ret = hpc_link_recv_frame(link, &type, &len);
	if (ret)
		return ret;
	return type == HPC_F_GO && !len ? 0 : -EPROTO;
}

static int receive(struct hpc_link *link, struct hpc_arrival *a)
{
	struct hpc_process *p = hpc_process(current);
	u16 type;
	u32 len;
	int ret;

	INIT_LIST_HEAD(&a->regs);
	INIT_LIST_HEAD(&a->siginfos);
	ret = hpc_link_recv_frame(link, &type, &len);
	if (ret)
		return ret;
	if (type != HPC_F_HEAD)
		return -EPROTO;
	ret = hpc_unpack(link, len, a);
	if (ret) {
		struct hpc_wire_refused w = { .error = cpu_to_le32(-ret) };

		hpc_link_send(link, HPC_F_REFUSED, &w, sizeof(w));
		return ret;
	}
	p->home = le32_to_cpu(a->process.home);
	p->home_pid = le32_to_cpu(a->process.pid);
	ret = hpc_fault(HPC_FAULT_BEFORE_READY, link);
	ret = ret ?: hpc_link_send(link, HPC_F_READY, NULL, 0);
	ret = ret ?: hpc_fault(HPC_FAULT_AFTER_READY, link);
	return ret ?: await_go(link);
}

int hpc_receive(int fd)
{
	struct hpc_arrival *a;
	struct hpc_link *link;
	struct hpc_task *hpc;
	struct file *file;
	int ret;

	if (hpc_role(current) != HPC_HOME || !thread_group_empty(current) ||
	    is_global_init(current))
		return -EBUSY;
	hpc = hpc_task_get(current);
	if (!hpc || !hpc_process_get(current))
		return -ENOMEM;
	file = fget(fd);
	if (!file)
		return -EBADF;
	link = hpc_link_open(file);
	fput(file);
	if (IS_ERR(link))
		return PTR_ERR(link);
	a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a) {
		hpc_link_close(link);
		return -ENOMEM;
	}
	ret = receive(link, a);
	if (ret) {
		hpc_unpack_undo(a);
		hpc_arrival_free(a);
		kfree(a);
		hpc_files_clear(hpc_process(current));
		hpc_link_close(link);
		return ret;
	}
	/* Nothing of this machine stays within the program's reach. */
	__close_range(0, ~0U, 0);
	hpc->link = link;
	hpc->arrival = a;
	hpc->role = HPC_ARRIVING;
	set_thread_flag(TIF_HPC);
	return 0;
}

static void limits_take(const struct hpc_wire_process *w)
{
	int i;

	task_lock(current->group_leader);
	for (i = 0; i < RLIM_NLIMITS; i++) {
		current->signal->rlim[i].rlim_cur = le64_to_cpu(w->rlim[i][0]);
		current->signal->rlim[i].rlim_max = le64_to_cpu(w->rlim[i][1]);
	}
	task_unlock(current->group_leader);
}

/* The end of HPC_IOC_RECEIVE: into the program. */
static void arrive(struct hpc_task *hpc)
{
	struct hpc_arrival *a = hpc->arrival;
	struct hpc_wire_thread thread;
	int ret;

	hpc->arrival = NULL;
	clear_thread_flag(TIF_HPC);
	ret = hpc_arrive(a);
	if (!ret) {
		limits_take(&a->process);
		set_personality(le32_to_cpu(a->process.personality));
		set_user_nice(current, clamp_t(int, le32_to_cpu(a->thread.nice),
					       MIN_NICE, MAX_NICE));
		set_task_comm(current, a->thread.comm);
	}
	thread = a->thread;
	hpc_arrival_free(a);
	kfree(a);
	hpc->role = HPC_GUEST;
	hpc->told = current->blocked.sig[0];
	hpc->link->timeout = MAX_SCHEDULE_TIMEOUT;
	hpc_remote_add(current);
	if (ret) {
		/* It may not run here, and home gave it up: an end it is. */
		hpc_guest_exit(hpc, SIGKILL);
		do_group_exit(SIGKILL);
	}
	set_task_syscall_work(current, HPC);
	hpc_link_watch(hpc->link, current);
	hpc_fault(HPC_FAULT_GUEST_RUNS, hpc->link);
	hpc_arrive_futex(&thread);
}

/* --- the hooks ------------------------------------------------------------- */

/*
 * A call that was interrupted only for the move is made again after it: the
 * program must not see an error that no signal explains.
 */
static void mend_interrupted(struct hpc_task *hpc, struct pt_regs *regs)
{
	long nr = syscall_get_nr(current, regs);

	if (nr >= 0 && regs->ax == -EINTR && hpc_call_restarts(nr) &&
	    hpc->request)
		regs->ax = -ERESTARTNOHAND;
	hpc_interrupted_note(hpc);
}

/* The kick has done its work; it was no signal. */
static void take_kick(void)
{
	clear_thread_flag(TIF_HPC);
	clear_notify_signal();
	if (task_work_pending(current))
		task_work_run();
}

/* At home, as before or again. */
static void settle(struct hpc_task *hpc)
{
	/* Another order may have come while it was away. */
	if (hpc->request)
		set_thread_flag(TIF_HPC);
	/* What becomes of the call is decided wherever we are now. */
	if (hpc_interrupted())
		set_thread_flag(TIF_SIGPENDING);
}

void hpc_exit_to_user(struct pt_regs *regs, unsigned long ti_work)
{
	struct hpc_task *hpc = current->hpc;
	struct hpc_request *req;

	if (!hpc) {
		clear_thread_flag(TIF_HPC);
		return;
	}
	switch (hpc->role) {
	case HPC_ARRIVING:
		arrive(hpc);
		break;
	case HPC_GUEST:
		hpc_guest_user(hpc);
		break;
	case HPC_BORN_GUEST:
		hpc_born(hpc);
		break;
	case HPC_BORN_DEPUTY:
		hpc_born(hpc);
		settle(hpc);
		break;
	default:
		mend_interrupted(hpc, regs);
		/* Signals first; the flag brings us back. */
		if (ti_work & _TIF_SIGPENDING)
			return;
		take_kick();
		req = NULL;
		if (hpc->request && !hpc_vdso_busy(hpc))
			req = xchg(&hpc->request, NULL);
		if (req)
			leave(hpc, req);
		settle(hpc);
	}
}

bool hpc_syscall_enter(struct pt_regs *regs, long nr)
{
	struct hpc_task *hpc = current->hpc;

	if (!hpc)
		return false;
	return hpc->role == HPC_GUEST ? hpc_guest_syscall(hpc, regs, nr)
				      : hpc_wait_enter(hpc, regs, nr);
}

/* Called early in do_exit(), also of a thread that is killed. */
void __hpc_exit(struct task_struct *tsk, long code)
{
	struct hpc_task *hpc = tsk->hpc;

	if (hpc->role == HPC_GUEST || hpc->role == HPC_BORN_GUEST)
		hpc_guest_exit(hpc, code);
	if (hpc->role == HPC_DEPUTY || hpc->role == HPC_BORN_DEPUTY)
		hpc_event(HPC_EVENT_ENDED, task_tgid_nr(tsk),
			  hpc_process(tsk)->where, 0);
	if (hpc_process(tsk)) {
		hpc_remote_del(tsk);
		hpc_files_clear(hpc_process(tsk));
	}
	hpc_task_release(hpc);
	if (hpc->arrival) {
		hpc_arrival_free(hpc->arrival);
		kfree(hpc->arrival);
		hpc->arrival = NULL;
	}
	hpc->role = HPC_HOME;
}

/*
 * A guest is about to die of @ksig.  true: it does so at home, where its core
 * belongs; the caller goes on without a signal.
 */
bool __hpc_signal_fatal(struct ksignal *ksig)
{
	struct hpc_task *hpc = current->hpc;

	if (hpc->role != HPC_GUEST || !sig_kernel_coredump(ksig->info.si_signo) ||
	    hpc->fatal.si_signo)
		return false;
	copy_siginfo(&hpc->fatal, &ksig->info);
	hpc_guest_want_home(hpc);
	return true;
}
