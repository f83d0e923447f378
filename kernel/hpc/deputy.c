// SPDX-License-Identifier: GPL-2.0-only
/*
 * The deputy: what stays of a process at home.
 *
 * It is the process to everybody: PID, parent, files, credentials.  Its thread
 * sits in hpc_deputy_run(), on its way to a user mode that is elsewhere, serves
 * what its guest asks for, and takes signals as any process does; only what a
 * handler is to deal with it sends on.
 *
 * States, by hpc->flags:
 *
 *	serving --- BRING wanted, core or trace pending ---> BROUGHT (asked for)
 *	BROUGHT --- image taken ---> home
 *	BROUGHT --- image refused ---> serving
 *	any     --- EXIT, or SIGKILL, or the link ends ---> the process ends
 *
 * While BROUGHT, signals stay in the queue: they are for the process at home.
 *
 * A deputy that is stopped is roused by what comes in on its link, and by whoever
 * wants the process home (see hpc_kick()).  It deals with that and stops again,
 * here or at home; its parent hears of neither.
 */

#define pr_fmt(fmt) "hpc: " fmt

#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

#include "arch.h"
#include "guest.h"
#include "image.h"
#include "bulk.h"
#include "internal.h"
#include "link.h"
#include "ranges.h"

/* Shadow memory of a call larger than this is given back after it. */
#define SHADOW_KEEP	SZ_1M

static void times_book(struct hpc_task *hpc, const struct hpc_wire_times *w)
{
	struct hpc_times now = {
		.utime	 = le64_to_cpu(w->utime),
		.stime	 = le64_to_cpu(w->stime),
		.runtime = le64_to_cpu(w->runtime),
	};

	hpc_times_add(&hpc->reported, &now);
	hpc->reported = now;
}

static int serve_times(struct hpc_task *hpc, u32 len)
{
	struct hpc_wire_times w;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (!ret)
		times_book(hpc, &w);
	return ret;
}

/* --- the end --------------------------------------------------------------- */

/* The thread is a deputy no more. */
static void thread_end(struct hpc_task *hpc)
{
	hpc_link_close(hpc->link);
	hpc->link = NULL;
	hpc->role = HPC_HOME;
	clear_bit(HPC_T_BRING, &hpc->flags);
	clear_bit(HPC_T_BROUGHT, &hpc->flags);
	clear_bit(HPC_T_STOPPED, &hpc->flags);
}

/* And the process is not away any more. */
static void deputy_end(struct hpc_task *hpc)
{
	struct hpc_process *p = hpc_process(current);

	thread_end(hpc);
	WRITE_ONCE(p->where, 0);
	WRITE_ONCE(p->bring, false);
	hpc_files_clear(p);
}

static int serve_exit(struct hpc_task *hpc, u32 len)
{
	struct hpc_wire_exit w;
	u32 code;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	code = le32_to_cpu(w.code);
	/* A status, or the number of a signal, as do_exit() takes it. */
	if (code & ~0xff7f || le32_to_cpu(w.process) > 1)
		return -EPROTO;
	times_book(hpc, &w.times);
	if (!w.process && get_nr_threads(current) > 1) {
		thread_end(hpc);
		do_exit(code);
	}
	deputy_end(hpc);
	do_group_exit(code);
}

/* How long the links of one process may end one after the other. */
#define LAST_WORD	HZ

/*
 * The link has ended, perhaps just when something was sent: the guest may have
 * said before that it ends.  Or another of its threads did: one that is killed in
 * the middle of a frame cannot.
 */
static void hear_last_word(struct hpc_task *hpc)
{
	struct ksignal ksig;
	u16 type;
	u32 len;

	while (hpc_link_readable(hpc->link) &&
	       !hpc_link_recv_frame(hpc->link, &type, &len)) {
		if (type == HPC_F_EXIT)
			serve_exit(hpc, len);
		if (hpc_link_skip(hpc->link, len))
			break;
	}
	if (get_nr_threads(current) > 1)
		schedule_timeout_killable(LAST_WORD);
	if (fatal_signal_pending(current))
		get_signal(&ksig);
}

static void __noreturn deputy_lost(struct hpc_task *hpc, int error)
{
	struct hpc_process *p = hpc_process(current);

	if (error == -ECONNRESET)
		hear_last_word(hpc);
	hpc_event(HPC_EVENT_LOST, task_tgid_nr(current), p->where, error);
	deputy_end(hpc);
	do_group_exit(SIGKILL);
}

/* --- signals --------------------------------------------------------------- */

static int ask_home(struct hpc_task *hpc)
{
	if (test_and_set_bit(HPC_T_BROUGHT, &hpc->flags))
		return 0;
	/* All threads or none. */
	if (!READ_ONCE(hpc_process(current)->bring))
		hpc_bring(current);
	return hpc_link_send(hpc->link, HPC_F_BRING, NULL, 0);
}

static int forward(struct hpc_task *hpc, const struct ksignal *ksig)
{
	struct hpc_wire_siginfo w;
	u32 flags = 0;

	if (test_restore_sigmask())
		flags |= HPC_SIG_MASK;
	hpc_siginfo_save(&ksig->info, flags, &w);
	if (flags & HPC_SIG_MASK) {
		w.mask = cpu_to_le64(current->blocked.sig[0]);
		restore_saved_sigmask();
	}
	hpc->forwarded++;
	return hpc_link_send(hpc->link, HPC_F_SIGNAL, &w, sizeof(w));
}

/* Called with the lock of the signals. */
static bool is_stopped(void)
{
	return current->signal->flags & SIGNAL_STOP_STOPPED ||
	       current->signal->group_stop_count;
}

/* It was roused, and what there was to do is done. */
static void stop_again(void)
{
	spin_lock_irq(&current->sighand->siglock);
	if (is_stopped() && !(current->jobctl & JOBCTL_STOP_PENDING)) {
		task_join_group_stop(current);
		recalc_sigpending();
	}
	spin_unlock_irq(&current->sighand->siglock);
}

/*
 * The guest is to do as the process does.  1: it stands still, but here there is
 * something to deal with first.
 */
static int stand_still(struct hpc_task *hpc)
{
	int ret = 0;

	if (!test_and_set_bit(HPC_T_STOPPED, &hpc->flags))
		ret = hpc_link_send(hpc->link, HPC_F_STOP, NULL, 0);
	/* What comes from here on rouses us: see hpc_kick(). */
	if (!ret && (hpc_link_unexpect(hpc->link) ||
		     test_bit(HPC_T_BRING, &hpc->flags)))
		ret = 1;
	return ret;
}

static int go_on(struct hpc_task *hpc)
{
	bool stopped;

	if (!test_bit(HPC_T_STOPPED, &hpc->flags))
		return 0;
	spin_lock_irq(&current->sighand->siglock);
	stopped = is_stopped();
	spin_unlock_irq(&current->sighand->siglock);
	if (stopped)
		return 0;
	clear_bit(HPC_T_STOPPED, &hpc->flags);
	return hpc_link_send(hpc->link, HPC_F_CONT, NULL, 0);
}

int hpc_deputy_signals(struct hpc_task *hpc)
{
	enum hpc_signal_kind kind;
	struct ksignal ksig;
	int ret = 0;

	while (!ret && signal_pending(current)) {
		if (fatal_signal_pending(current)) {
			get_signal(&ksig);
			break;
		}
		kind = hpc_signal_peek();
		if (current->ptrace || kind == HPC_SIGNAL_CORE)
			ret = ask_home(hpc);
		if (test_bit(HPC_T_BROUGHT, &hpc->flags)) {
			clear_notify_signal();
			break;
		}
		if (kind == HPC_SIGNAL_STOP)
			ret = stand_still(hpc);
		/* Stops, continues or ends the process here if it is to. */
		if (!ret && get_signal(&ksig))
			ret = forward(hpc, &ksig);
		hpc_link_expect(hpc->link);
		ret = ret ?: go_on(hpc);
	}
	return min(ret, 0);
}

/* --- system calls ---------------------------------------------------------- */

static int recv_ranges(struct hpc_task *hpc, struct hpc_ranges *ranges, u32 *len)
{
	size_t size = ranges->n * sizeof(*ranges->r);
	unsigned int i;
	int ret;

	if (ranges->n > HPC_MAX_RANGES || *len < size)
		return -EPROTO;
	*len -= size;
	ret = hpc_ranges_grow(ranges, ranges->n);
	if (ret)
		return ret;
	ret = hpc_link_recv(hpc->link, ranges->r, size);
	for (i = 0; i < ranges->n && !ret; i++) {
		u64 addr = le64_to_cpu(ranges->r[i].addr);
		u32 n = le32_to_cpu(ranges->r[i].len);
		u32 kind = le32_to_cpu(ranges->r[i].kind);

		if (addr >= TASK_SIZE_MAX || n > TASK_SIZE_MAX - addr ||
		    addr < PAGE_SIZE || kind & ~HPC_RANGE_KINDS)
			ret = -EPROTO;
		if (kind & HPC_RANGE_IN)
			ranges->in += n;
	}
	if (!ret && (ranges->in != *len || ranges->in > HPC_MAX_CALL_IN))
		ret = -EPROTO;
	return ret;
}

/*
 * Brings the IN bytes to their addresses.  *@oops: what the call ends with
 * because there is no memory; the stream is read on all the same.
 */
static int recv_in(struct hpc_task *hpc, const struct hpc_ranges *ranges,
		   int *oops)
{
	struct iov_iter to;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ranges->n && !ret; i++) {
		const struct hpc_wire_range *r = &ranges->r[i];
		u32 n = le32_to_cpu(r->len);

		if (!*oops) {
			mutex_lock(&hpc_process(current)->lock);
			*oops = hpc_shadow_prepare(le64_to_cpu(r->addr), n);
			mutex_unlock(&hpc_process(current)->lock);
		}
		if (!(le32_to_cpu(r->kind) & HPC_RANGE_IN))
			continue;
		iov_iter_ubuf(&to, ITER_DEST,
			      (void __user *)le64_to_cpu(r->addr), n);
		if (!*oops)
			ret = hpc_link_recv_iter(hpc->link, &to);
		if (ret == -EFAULT) {
			*oops = -ENOMEM;
			ret = 0;
		}
		if (*oops)
			ret = hpc_link_skip(hpc->link, iov_iter_count(&to));
	}
	return ret;
}

static bool is_exec(u32 nr)
{
	return nr == __NR_execve || nr == __NR_execveat;
}

/* It is another program now, and the process is at home. */
static long exec_done(struct hpc_task *hpc)
{
	u32 from = hpc_process(current)->where;

	hpc_link_send(hpc->link, HPC_F_EXECED, NULL, 0);
	deputy_end(hpc);
	hpc_event(HPC_EVENT_HOME, task_tgid_nr(current), from, 0);
	/* The one register that a new program's start leaves to its exec. */
	current_pt_regs()->ax = 0;
	return 0;
}

static long carry_out(struct hpc_task *hpc, const struct hpc_wire_call *w,
		      struct hpc_bulk *bulk)
{
	struct pt_regs *regs = current_pt_regs();
	unsigned int forwarded = hpc->forwarded;
	u32 nr = le32_to_cpu(w->nr);
	long ret;

	/* Its own registers are with the guest. */
	regs->di = le64_to_cpu(w->arg[0]);
	regs->si = le64_to_cpu(w->arg[1]);
	regs->dx = le64_to_cpu(w->arg[2]);
	regs->r10 = le64_to_cpu(w->arg[3]);
	regs->r8 = le64_to_cpu(w->arg[4]);
	regs->r9 = le64_to_cpu(w->arg[5]);
	regs->orig_ax = nr;

	/*
	 * The call's own bytes kicked nobody.  What comes from here on, or a
	 * homecoming, is not to wait for the call.
	 */
	if (!bulk && (hpc_link_unexpect(hpc->link) ||
		      test_bit(HPC_T_BROUGHT, &hpc->flags) ||
		      test_bit(HPC_T_BRING, &hpc->flags)))
		hpc_kick(current);
	ret = bulk ? hpc_bulk_call(bulk, hpc->link)
		   : hpc_wait_call(hpc, regs, nr);
	hpc_link_expect(hpc->link);
	clear_thread_flag(TIF_HPC);
	if (!ret && is_exec(nr))
		return exec_done(hpc);

	if (test_bit(HPC_T_BRING, &hpc->flags) && ask_home(hpc))
		return ret;
	if (signal_pending(current))
		hpc_deputy_signals(hpc);
	if (test_restore_sigmask())
		restore_saved_sigmask();
	/* Interrupted by us, not by a signal: a program must not see it. */
	if (ret == -EINTR && forwarded == hpc->forwarded && hpc_call_restarts(nr))
		ret = -ERESTARTNOHAND;
	if (!hpc_interrupted_by(ret))
		hpc->wait.nr = 0;
	return ret;
}

static u32 out_bytes(const struct hpc_ranges *ranges, long ret)
{
	u64 left = hpc_ret_bytes(ret);
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < ranges->n; i++)
		sum += hpc_range_out(&ranges->r[i], ret, &left);
	return sum;
}

/* @sent: the bytes have gone already. */
static int send_result(struct hpc_task *hpc, const struct hpc_ranges *ranges,
		       long result, bool sent)
{
	struct hpc_wire_result w = { .ret = cpu_to_le64(result) };
	u32 bytes = sent ? 0 : out_bytes(ranges, result);
	struct hpc_user_pages u = {};
	u64 left = hpc_ret_bytes(result);
	unsigned int i;
	int ret = 0;

	if (!bytes)
		return hpc_link_send(hpc->link, HPC_F_RESULT, &w, sizeof(w));
	for (i = 0; i < ranges->n && !ret; i++)
		ret = hpc_user_pages_get(&u, le64_to_cpu(ranges->r[i].addr),
					 hpc_range_out(&ranges->r[i], result,
						       &left));
	if (!ret)
		ret = hpc_link_send_pages(hpc->link, HPC_F_RESULT, &w, sizeof(w),
					  u.bvec, u.n, bytes);
	hpc_user_pages_put(&u);
	return ret;
}

static int serve_call(struct hpc_task *hpc, u32 len)
{
	struct hpc_ranges ranges;
	struct hpc_bulk bulk = {};
	struct hpc_wire_call w;
	unsigned int i;
	int ret, oops = 0;
	bool pieces;
	long result;

	if (len < sizeof(w))
		return -EPROTO;
	ret = hpc_link_recv(hpc->link, &w, sizeof(w));
	if (ret)
		return ret;
	len -= sizeof(w);
	if (!hpc_call_forwarded(le32_to_cpu(w.nr)))
		return -EPROTO;
	hpc_ranges_init(&ranges);
	ranges.n = le32_to_cpu(w.ranges);
	ret = recv_ranges(hpc, &ranges, &len);
	pieces = !ret && hpc_bulk_begin(&bulk, &w, &ranges);
	if (!pieces)
		ret = ret ?: recv_in(hpc, &ranges, &oops);
	if (ret)
		goto out;
	times_book(hpc, &w.times);
	hpc_process(current)->calls++;
	result = oops ?: carry_out(hpc, &w, pieces ? &bulk : NULL);
	if (hpc->role != HPC_DEPUTY)
		goto out;
	ret = send_result(hpc, &ranges, result, pieces);
	for (i = 0; i < ranges.n; i++)
		if (le32_to_cpu(ranges.r[i].len) > SHADOW_KEEP)
			hpc_shadow_drop(le64_to_cpu(ranges.r[i].addr),
					le32_to_cpu(ranges.r[i].len));
out:
	return ret;
}

/* --- files that are mapped ------------------------------------------------- */

static int fetch(u32 id, u64 index, struct page **pages, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			return -ENOMEM;
	}
	return hpc_file_read(id, index, pages, n);
}

static int serve_fetch(struct hpc_task *hpc, u32 len)
{
	struct page *pages[HPC_MAX_FETCH] = {};
	struct bio_vec bvec[HPC_MAX_FETCH];
	struct hpc_wire_pagedata reply = {};
	struct hpc_wire_fetch w;
	unsigned int n, i;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	n = le32_to_cpu(w.count);
	if (!n || n > HPC_MAX_FETCH)
		return -EPROTO;
	ret = fetch(le32_to_cpu(w.file), le64_to_cpu(w.index), pages, n);
	if (ret) {
		reply.error = cpu_to_le32(-ret);
		ret = hpc_link_send(hpc->link, HPC_F_PAGEDATA, &reply,
				    sizeof(reply));
	} else {
		reply.count = cpu_to_le32(n);
		hpc_process(current)->pages += n;
		for (i = 0; i < n; i++)
			bvec_set_page(&bvec[i], pages[i], PAGE_SIZE, 0);
		ret = hpc_link_send_pages(hpc->link, HPC_F_PAGEDATA, &reply,
					  sizeof(reply), bvec, n, n << PAGE_SHIFT);
	}
	for (i = 0; i < n; i++)
		if (pages[i])
			put_page(pages[i]);
	return ret;
}

/* May the guest map @file, with its pages fetched one by one? */
static int map_check(struct file *file, u32 prot, u32 flags)
{
	struct inode *inode = file_inode(file);

	if (!(file->f_mode & FMODE_READ))
		return -EACCES;
	/* Devices, DAX, and sharing what others may write: at home only. */
	if (!S_ISREG(inode->i_mode) || IS_DAX(inode) || !file->f_op->mmap ||
	    !(file->f_mode & FMODE_CAN_READ))
		return -EXDEV;
	if ((flags & MAP_TYPE) != MAP_PRIVATE && file->f_mode & FMODE_WRITE)
		return -EXDEV;
	if ((flags & MAP_TYPE) != MAP_PRIVATE && prot & PROT_WRITE)
		return -EACCES;
	if (prot & PROT_EXEC && path_noexec(&file->f_path))
		return -EPERM;
	return 0;
}

static int serve_mmap(struct hpc_task *hpc, u32 len)
{
	struct hpc_wire_mapped reply = {};
	struct hpc_wire_mmap w;
	struct file *file;
	bool is_new;
	u32 id;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	file = fget(le32_to_cpu(w.fd));
	ret = -EBADF;
	if (file) {
		ret = map_check(file, le32_to_cpu(w.prot), le32_to_cpu(w.flags));
		mutex_lock(&hpc_process(current)->lock);
		ret = ret ?: hpc_file_id(file, &id, &is_new);
		mutex_unlock(&hpc_process(current)->lock);
		if (!ret)
			hpc_file_describe(id, file, &reply.file);
		fput(file);
	}
	reply.error = cpu_to_le32(-ret);
	return hpc_link_send(hpc->link, HPC_F_MAPPED, &reply, sizeof(reply));
}

static int serve_action(struct hpc_task *hpc, u32 len)
{
	struct hpc_wire_sigaction w;
	struct k_sigaction ka = {};
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	hpc_action_load(&ka.sa, &w.action);
	/* Also drops what is pending and now ignored, as at home. */
	return do_sigaction(le32_to_cpu(w.sig), &ka, NULL) ? -EPROTO : 0;
}

static int serve_mask(struct hpc_task *hpc, u32 len)
{
	struct hpc_wire_mask w;
	sigset_t blocked;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	blocked.sig[0] = le64_to_cpu(w.blocked);
	set_current_blocked(&blocked);
	return 0;
}

/* --- coming home ----------------------------------------------------------- */

static int refuse(struct hpc_task *hpc, int error)
{
	struct hpc_wire_refused w = { .error = cpu_to_le32(-error) };

	hpc_process(current)->refused++;
	hpc_event(HPC_EVENT_STAYED, task_tgid_nr(current),
		  hpc_process(current)->where, error);
	return hpc_link_send(hpc->link, HPC_F_REFUSED, &w, sizeof(w));
}

/* All threads have come home: the others take the memory over. */
static int home_work(struct hpc_task *hpc)
{
	struct hpc_process *p = hpc_process(current);
	unsigned int others = p->gather.arrived - 1;

	WRITE_ONCE(p->bring, false);
	if (!p->verdict && others)
		atomic_add(others, &p->homecoming->mm_users);
	return p->verdict;
}

/* The process's part, of the thread that unpacked it. */
static void home_process(struct hpc_task *hpc, struct hpc_arrival *a)
{
	struct hpc_process *p = hpc_process(current);

	hpc_arrive(a);
	/* If the other side does not hear it, it is dead anyway. */
	hpc_link_send(hpc->link, HPC_F_TAKEN, NULL, 0);
	hpc_files_clear(p);
	WRITE_ONCE(p->where, 0);
	wake_up_all(&p->gather.wait);
}

static int home_thread(struct hpc_task *hpc, struct hpc_arrival *a)
{
	struct hpc_thread_image *t = hpc_arrival_first(a);
	struct hpc_pending_sig *sig;
	int ret;

	times_book(hpc, &(struct hpc_wire_times) {
		.utime = t->thread.utime, .stime = t->thread.stime,
		.runtime = t->thread.runtime });
	ret = hpc_arrive_thread(t, true);
	if (ret)
		return ret;
	hpc_wait_home(hpc);
	thread_end(hpc);
	list_for_each_entry(sig, &a->siginfos, list)
		hpc_siginfo_raise(&sig->info);
	return 0;
}

/* Read is what this link brought; now all threads, or none. */
static int come_home(struct hpc_task *hpc, struct hpc_arrival *a, bool first)
{
	struct hpc_process *p = hpc_process(current);
	u32 from = p->where;
	int ret;

	ret = hpc_gather(hpc, MAX_SCHEDULE_TIMEOUT, home_work);
	if (ret == -ENOMEM) {
		/* No reason to die; the guest goes on. */
		clear_bit(HPC_T_BRING, &hpc->flags);
		clear_bit(HPC_T_BROUGHT, &hpc->flags);
		return first ? refuse(hpc, ret) : 0;
	}
	if (!ret && !first) {
		ret = hpc_mm_switch(p->homecoming);
		if (ret)
			mmput(p->homecoming);
	}
	if (!ret && first)
		home_process(hpc, a);
	ret = ret ?: home_thread(hpc, a);
	if (!ret && first)
		hpc_event(HPC_EVENT_HOME, task_tgid_nr(current), from, 0);
	return ret;
}

/* HEAD: of the thread that brings the process.  THREAD: of another. */
static int serve_homecoming(struct hpc_task *hpc, u16 type, u32 len)
{
	struct hpc_process *p = hpc_process(current);
	bool first = type == HPC_F_HEAD;
	struct hpc_wire_thread thread;
	struct hpc_arrival *a;
	u64 since = ktime_get_ns();
	int ret;

	a = hpc_arrival_new(true);
	if (!a)
		return -ENOMEM;
	if (first)
		ret = hpc_unpack(hpc->link, len, a);
	else
		ret = hpc_unpack_thread(hpc->link, type, len, a);
	if (first) {
		p->homecoming = current->mm;
		p->verdict = ret;
	}
	if (!ret || (first && ret == -ENOMEM))
		ret = come_home(hpc, a, first);
	if (!ret && hpc->role == HPC_HOME) {
		if (first)
			hpc_process_moved(&a->stats, since);
		thread = hpc_arrival_first(a)->thread;
	}
	hpc_arrival_free(a);
	if (!ret && hpc->role == HPC_HOME) {
		hpc_clocks_await(thread.clocks);
		hpc_arrive_futex(&thread);
	}
	return ret;
}

/* --- the loop -------------------------------------------------------------- */

static int serve(struct hpc_task *hpc)
{
	u16 type;
	u32 len;
	int ret;

	ret = hpc_link_recv_frame(hpc->link, &type, &len);
	if (ret)
		return ret;
	/* Its program and arguments it may have to fetch first. */
	if (type != HPC_F_FETCH && type != HPC_F_TIMES)
		clear_bit(HPC_T_HOLD, &hpc->flags);
	switch (type) {
	case HPC_F_CALL:
		return serve_call(hpc, len);
	case HPC_F_FETCH:
		return serve_fetch(hpc, len);
	case HPC_F_MMAP:
		return serve_mmap(hpc, len);
	case HPC_F_ACTION:
		return serve_action(hpc, len);
	case HPC_F_MASK:
		return serve_mask(hpc, len);
	case HPC_F_CLONE:
		return hpc_serve_clone(hpc, len);
	case HPC_F_TIMES:
		return serve_times(hpc, len);
	case HPC_F_INTR:
		/* The call it was meant for is over. */
		return len ? -EPROTO : 0;
	case HPC_F_WANTHOME:
		return len ? -EPROTO : ask_home(hpc);
	case HPC_F_EXIT:
		return serve_exit(hpc, len);
	case HPC_F_HEAD:
	case HPC_F_THREAD:
		return test_bit(HPC_T_BROUGHT, &hpc->flags) ?
			serve_homecoming(hpc, type, len) : -EPROTO;
	default:
		return -EPROTO;
	}
}

/* With signals held back the wait is for the guest alone. */
static bool holding(const struct hpc_task *hpc)
{
	return test_bit(HPC_T_BROUGHT, &hpc->flags) ||
	       test_bit(HPC_T_HOLD, &hpc->flags);
}

static bool wanted(void *data)
{
	struct hpc_task *hpc = data;

	return test_bit(HPC_T_BRING, &hpc->flags) &&
	       !test_bit(HPC_T_BROUGHT, &hpc->flags);
}

void hpc_deputy_run(struct hpc_task *hpc)
{
	int ret;

	hpc->role = HPC_DEPUTY;
	/* Pairs with hpc_bring(), which may not have seen this thread. */
	smp_mb();
	if (READ_ONCE(hpc_process(current)->bring))
		set_bit(HPC_T_BRING, &hpc->flags);
	hpc->link->timeout = MAX_SCHEDULE_TIMEOUT;
	hpc_link_expect(hpc->link);
	hpc_link_watch(hpc->link, current);

	while (hpc->role == HPC_DEPUTY) {
		ret = 0;
		if (!holding(hpc)) {
			if (test_bit(HPC_T_STOPPED, &hpc->flags))
				stop_again();
			ret = go_on(hpc);
			hpc_link_wait(hpc->link, wanted, hpc);
		}
		clear_thread_flag(TIF_HPC);
		if (!ret && signal_pending(current) &&
		    !test_bit(HPC_T_HOLD, &hpc->flags))
			ret = hpc_deputy_signals(hpc);
		if (!ret && wanted(hpc))
			ret = ask_home(hpc);
		if (!ret && (holding(hpc) || hpc_link_readable(hpc->link)))
			ret = serve(hpc);
		if (ret && fatal_signal_pending(current)) {
			struct ksignal ksig;

			get_signal(&ksig);
		}
		if (ret)
			deputy_lost(hpc, ret);
	}
	stop_again();
}
