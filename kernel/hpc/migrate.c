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
#include <linux/net.h>
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
/* From one node to another a process comes home first, at the pace of the network. */
#define HEAD_TIMEOUT	(600 * HZ)
#define GO_TIMEOUT	(60 * HZ)
/* How long the threads of a process may take to come to a halt. */
#define GATHER_TIMEOUT	(5 * HZ)

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
	struct hpc_process *p;
	struct file *file;
	int ret;

	if (hpc_role(task) != HPC_HOME && hpc_role(task) != HPC_DEPUTY)
		return -EPERM;
	p = hpc_process_get(task);
	if (!p)
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
	if (cmpxchg(&p->request, NULL, req)) {
		request_free(req);
		return -EBUSY;
	}
	/* Nobody would take it, or free it. */
	if (task->signal->flags & SIGNAL_GROUP_EXIT) {
		request_free(xchg(&p->request, NULL));
		return -ESRCH;
	}
	/*
	 * From a deputy's node to another it goes through home.  One that
	 * becomes a deputy just now looks for us after it did.
	 */
	if (READ_ONCE(p->where))
		return hpc_bring(task);
	hpc_kick_all(task, -1);
	return 0;

err_free:
	kfree(req);
	return ret;
}

int hpc_bring(struct task_struct *task)
{
	struct hpc_process *p = hpc_process(task);

	if (!p || (!READ_ONCE(p->where) && !atomic_read(&p->guests)))
		return -ESRCH;
	WRITE_ONCE(p->bring, true);
	hpc_kick_all(task, HPC_T_BRING);
	return 0;
}

void hpc_task_release(struct hpc_task *hpc)
{
	/* Whoever still kicks it starts it no more. */
	timer_shutdown_sync(&hpc->retry);
	timer_delete_sync(&hpc->report);
	hpc_link_close(hpc->link);
	hpc->link = NULL;
	hpc_link_close(hpc->saved);
	hpc->saved = NULL;
	if (hpc->image)
		hpc_thread_image_free(hpc->image);
	hpc->image = NULL;
	kvfree(hpc->ranges);
	hpc->ranges = NULL;
}

int hpc_gather_packed(struct hpc_task *hpc, long timeout,
		      int (*work)(struct hpc_task *hpc))
{
	int ret;

	/* Who sends them learns of an error from what was saved, or was not. */
	hpc->saved = hpc_link_memory();
	if (hpc->saved)
		hpc->saved->error = hpc_pack_thread(hpc->saved);
	ret = hpc_gather(hpc, timeout, work);
	hpc_link_close(hpc->saved);
	hpc->saved = NULL;
	return ret;
}

int hpc_send_saved(struct hpc_link *link, struct hpc_task **all, unsigned int n)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < n && !ret; i++)
		ret = all[i]->saved ? all[i]->saved->error : -ENOMEM;
	for (i = 0; i < n && !ret; i++)
		ret = hpc_link_send_on(link, all[i]->saved);
	return ret;
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

static struct hpc_task *by_tid(struct hpc_task **all, unsigned int n, u32 tid)
{
	unsigned int i;

	for (i = 1; i < n; i++)
		if (task_pid_vnr(all[i]->task) == tid && !all[i]->link)
			return all[i];
	return NULL;
}

/* A link for each thread but the first. */
static int more_links(struct hpc_link *link, struct hpc_task **all,
		      unsigned int n)
{
	struct hpc_wire_listen w;
	struct hpc_link *second;
	struct hpc_task *hpc;
	struct socket *door;
	unsigned int i;
	int ret = 0;
	u32 tid;

	if (n == 1)
		return 0;
	door = hpc_link_listen(link, &w);
	if (IS_ERR(door))
		return PTR_ERR(door);
	for (i = 1; i < n && !ret; i++) {
		second = hpc_link_accept(link, door, w.token, &tid);
		ret = PTR_ERR_OR_ZERO(second);
		if (ret)
			break;
		hpc = by_tid(all, n, tid);
		if (hpc) {
			hpc->link = second;
		} else {
			hpc_link_close(second);
			ret = -EPROTO;
		}
	}
	sock_release(door);
	return ret;
}

static int send_out(struct hpc_request *req, struct hpc_task **all,
		    unsigned int n)
{
	struct hpc_image_stats stats = {};
	u64 since = ktime_get_ns();
	int ret;

	hpc_files_clear(hpc_process(current));
	hpc_link_patient(req->link, 0);
	ret = hpc_fault(HPC_FAULT_BEFORE_PACK, req->link);
	ret = ret ?: hpc_pack(req->link, n, &stats);
	ret = ret ?: hpc_send_saved(req->link, all, n);
	ret = ret ?: hpc_link_send(req->link, HPC_F_END, NULL, 0);
	ret = ret ?: more_links(req->link, all, n);
	ret = ret ?: hpc_fault(HPC_FAULT_AFTER_PACK, req->link);
	ret = ret ?: await_ready(req->link);
	hpc_link_impatient(req->link);
	ret = ret ?: hpc_fault(HPC_FAULT_BEFORE_GO, req->link);
	ret = ret ?: hpc_link_send(req->link, HPC_F_GO, NULL, 0);
	if (!ret)
		hpc_process_moved(&stats, since);
	return ret;
}

/* All threads are here, and one of them does this for all. */
static int leave_work(struct hpc_task *hpc)
{
	struct hpc_process *p = hpc_process(current);
	struct hpc_request *req = xchg(&p->request, NULL);
	struct hpc_task **all = NULL;
	unsigned int n = 0, i;
	int ret = -EBUSY;
	u32 node;

	if (!req)
		return -EBUSY;
	node = req->node;
	WRITE_ONCE(p->leaving, true);
	/* Pairs with hpc_trace_begin(): one of us sees the other. */
	smp_mb();
	if (!hpc_cantmove(current))
		ret = hpc_threads_get(&all, &n);
	ret = ret ?: send_out(req, all, n);
	if (ret) {
		for (i = 0; i < n; i++) {
			hpc_link_close(all[i]->link);
			all[i]->link = NULL;
		}
		hpc_files_clear(p);
		hpc_event(HPC_EVENT_STAYED, task_tgid_nr(current), node, ret);
	} else {
		all[0]->link = no_free_ptr(req->link);
		/* What was asked of the process when it was away before. */
		WRITE_ONCE(p->bring, false);
		for (i = 0; i < n; i++) {
			clear_bit(HPC_T_BRING, &all[i]->flags);
			clear_bit(HPC_T_BROUGHT, &all[i]->flags);
		}
		hpc_shadow_begin();
		WRITE_ONCE(p->where, node);
		/* Pairs with the cmpxchg() in hpc_send(). */
		smp_mb();
		if (READ_ONCE(p->request))
			hpc_bring(current);
		hpc_event(HPC_EVENT_AWAY, task_tgid_nr(current), node, 0);
		hpc_fault(HPC_FAULT_AFTER_GO, all[0]->link);
	}
	/* Pairs with at_home() in trace.c. */
	smp_store_release(&p->leaving, false);
	kvfree(all);
	request_free(req);
	return ret;
}

/* One sleeps where no signal reaches it: another time, then. */
static void not_all_came(int error)
{
	struct hpc_request *req;

	req = xchg(&hpc_process(current)->request, NULL);
	if (!req)
		return;
	hpc_event(HPC_EVENT_STAYED, task_tgid_nr(current), req->node, error);
	request_free(req);
}

static void leave(struct hpc_task *hpc)
{
	int ret;

	ret = hpc_gather_packed(hpc, GATHER_TIMEOUT, leave_work);
	if (ret) {
		not_all_came(ret);
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
	hpc_deputy_run(hpc);
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

/* The other threads, each with its link; they wait for hpc_process.go. */
static int more_threads(struct hpc_link *link, struct hpc_arrival *a)
{
	struct hpc_thread_image *t, *next;
	struct hpc_wire_listen w;
	u16 type;
	u32 len;
	int ret;

	if (a->nthreads == 1)
		return 0;
	ret = hpc_link_recv_frame(link, &type, &len);
	if (!ret && type != HPC_F_LISTEN)
		ret = -EPROTO;
	ret = ret ?: hpc_link_recv_body(link, &w, sizeof(w), len);
	if (ret)
		return ret;
	if (w.error)
		return -EOPNOTSUPP;
	WRITE_ONCE(hpc_process(current)->go, 0);
	list_for_each_entry_safe(t, next, &a->threads, list) {
		if (t == hpc_arrival_first(a))
			continue;
		t->link = hpc_link_connect(link, &w, le32_to_cpu(t->thread.tid));
		if (IS_ERR(t->link)) {
			ret = PTR_ERR(t->link);
			t->link = NULL;
			return ret;
		}
		ret = hpc_family_thread(current->hpc, t);
		if (ret < 0)
			return ret;
		/* It is the thread's own now. */
		list_del(&t->list);
	}
	return 0;
}

static int receive(struct hpc_link *link, struct hpc_arrival *a)
{
	struct hpc_process *p = hpc_process(current);
	long timeout = link->timeout;
	u16 type;
	u32 len;
	int ret;

	link->timeout = HEAD_TIMEOUT;
	ret = hpc_link_recv_frame(link, &type, &len);
	link->timeout = timeout;
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
	ret = more_threads(link, a);
	ret = ret ?: hpc_fault(HPC_FAULT_BEFORE_READY, link);
	ret = ret ?: hpc_link_send(link, HPC_F_READY, NULL, 0);
	ret = ret ?: hpc_fault(HPC_FAULT_AFTER_READY, link);
	return ret ?: await_go(link);
}

static void go(struct hpc_process *p, int verdict)
{
	WRITE_ONCE(p->go, verdict);
	wake_up_all(&p->gather.wait);
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
	a = hpc_arrival_new(false);
	if (!a) {
		hpc_link_close(link);
		return -ENOMEM;
	}
	ret = receive(link, a);
	if (ret) {
		go(hpc_process(current), ret);
		hpc_unpack_undo(a);
		hpc_arrival_free(a);
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

/* The current thread's own part.  Does not return if it may not run here. */
static void arrive_thread(struct hpc_task *hpc, struct hpc_thread_image *t)
{
	struct hpc_wire_thread thread = t->thread;
	int ret = hpc_arrive_thread(t, false);

	hpc_thread_image_free(t);
	hpc_guest_begin(hpc);
	if (ret) {
		/* Home gave it up: an end it is. */
		hpc_guest_exit(hpc, SIGKILL);
		do_group_exit(SIGKILL);
	}
	set_user_nice(current, clamp_t(int, le32_to_cpu(thread.nice),
				       MIN_NICE, MAX_NICE));
	set_task_comm(current, thread.comm);
	set_task_syscall_work(current, HPC);
	hpc_link_watch(hpc->link, current);
	hpc_fault(HPC_FAULT_GUEST_RUNS, hpc->link);
	hpc_clocks_await(thread.clocks);
	hpc_arrive_futex(&thread);
}

/* The end of HPC_IOC_RECEIVE: into the program. */
static void arrive_first(struct hpc_task *hpc)
{
	struct hpc_arrival *a = hpc->arrival;
	struct hpc_thread_image *t = hpc_arrival_first(a);

	hpc->arrival = NULL;
	hpc_arrive(a);
	limits_take(&a->process);
	set_personality(le32_to_cpu(a->process.personality));
	list_del(&t->list);
	hpc_arrival_free(a);
	hpc_remote_add(current);
	go(hpc_process(current), 1);
	arrive_thread(hpc, t);
}

/* Another thread, which waits for the first. */
static void arrive_other(struct hpc_task *hpc)
{
	struct hpc_process *p = hpc_process(current);
	struct hpc_thread_image *t = hpc->image;

	wait_event_killable(p->gather.wait, READ_ONCE(p->go));
	if (READ_ONCE(p->go) != 1) {
		hpc->role = HPC_HOME;
		do_exit(0);
	}
	hpc->image = NULL;
	hpc->link = no_free_ptr(t->link);
	arrive_thread(hpc, t);
}

static void arrive(struct hpc_task *hpc)
{
	clear_thread_flag(TIF_HPC);
	if (hpc->arrival)
		arrive_first(hpc);
	else
		arrive_other(hpc);
}

/* --- the hooks ------------------------------------------------------------- */

/*
 * A call that was interrupted only for the move is made again after it: the
 * program must not see an error that no signal explains.
 */
static void mend_interrupted(struct hpc_task *hpc, struct pt_regs *regs)
{
	long nr = syscall_get_nr(current, regs);

	if (nr >= 0 && regs->ax == -EINTR && !in_ia32_syscall() &&
	    hpc_call_restarts(nr) &&
	    hpc_process(current)->request)
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
	if (hpc_process(current)->request)
		set_thread_flag(TIF_HPC);
	/* What becomes of the call is decided wherever we are now. */
	if (hpc_interrupted())
		set_thread_flag(TIF_SIGPENDING);
}

void hpc_exit_to_user(struct pt_regs *regs, unsigned long ti_work)
{
	struct hpc_process *p = hpc_process(current);
	struct hpc_task *hpc = p ? hpc_task_get(current) : NULL;

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
		if (READ_ONCE(p->request)) {
			/* The retry of a busy one brings it back. */
			if (hpc_vdso_busy(hpc))
				return;
			leave(hpc);
		}
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
	struct hpc_process *p = hpc_process(tsk);
	struct hpc_task *hpc = tsk->hpc;

	if (hpc->role == HPC_GUEST || hpc->role == HPC_BORN_GUEST)
		hpc_guest_exit(hpc, code);
	if ((hpc->role == HPC_DEPUTY || hpc->role == HPC_BORN_DEPUTY) &&
	    thread_group_leader(tsk))
		hpc_event(HPC_EVENT_ENDED, task_tgid_nr(tsk), p->where, 0);
	if (p && (tsk->signal->flags & SIGNAL_GROUP_EXIT ||
		  atomic_read(&tsk->signal->live) == 1))
		request_free(xchg(&p->request, NULL));
	hpc_task_release(hpc);
	if (hpc->arrival) {
		hpc_arrival_free(hpc->arrival);
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
