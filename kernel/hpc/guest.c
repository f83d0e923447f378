// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest: user mode of a process whose kernel is elsewhere.
 *
 * The thread reads its link in three places only: when it waits for an answer,
 * when it was kicked and is about to return to user mode, and when it stands
 * still.  Frames nobody asked for are dealt with by unasked() in all three; that
 * only sets flags or raises signals, so it may happen inside a page fault.
 */

#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <asm/unistd.h>

#include "guest.h"
#include "image.h"
#include "internal.h"
#include "link.h"
#include "ranges.h"

#define TAKEN_TIMEOUT	(120 * HZ)

/* For what a slow disk of home makes of a long write. */
#define DISK_TIMEOUT_MS	(120 * MSEC_PER_SEC)

/*
 * Home is gone, and with it everything this process is to the world.  But who is
 * ending anyway only broke off, and has its last word in hpc_guest_exit().
 */
static void lost(struct hpc_task *hpc)
{
	if (fatal_signal_pending(current))
		return;
	hpc_link_shutdown(hpc->link);
	send_sig(SIGKILL, current, 1);
}

static void times_take(struct hpc_task *hpc, struct hpc_wire_times *w)
{
	struct hpc_times t;

	hpc_times_get(&t);
	w->utime = cpu_to_le64(t.utime);
	w->stime = cpu_to_le64(t.stime);
	w->runtime = cpu_to_le64(t.runtime);
}

/* The thread is a guest no more; the last one takes the process's things. */
static void guest_end(struct hpc_task *hpc)
{
	struct hpc_process *p = hpc_process(current);

	hpc_link_close(hpc->link);
	hpc->link = NULL;
	hpc->role = HPC_HOME;
	if (!atomic_dec_and_test(&p->guests))
		return;
	hpc_remote_del(current);
	hpc_files_clear(p);
}

/* The process is at home again; what is left here ends without a word. */
static void __noreturn gone(struct hpc_task *hpc)
{
	guest_end(hpc);
	clear_task_syscall_work(current, HPC);
	do_group_exit(0);
}

/* --- frames that come unasked ---------------------------------------------- */

static int unasked_signal(struct hpc_task *hpc, u32 len)
{
	struct hpc_wire_siginfo w;
	sigset_t mask;
	int ret;

	ret = hpc_link_recv_body(hpc->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	if (le32_to_cpu(w.flags) & HPC_SIG_MASK) {
		/* As ppoll() would have left it: old mask after the handler. */
		current->saved_sigmask = current->blocked;
		mask.sig[0] = le64_to_cpu(w.mask);
		set_current_blocked(&mask);
		set_restore_sigmask();
	}
	hpc_siginfo_raise(&w);
	return 0;
}

static int unasked(struct hpc_task *hpc, u16 type, u32 len)
{
	if (type == HPC_F_SIGNAL)
		return unasked_signal(hpc, len);
	if (len)
		return -EPROTO;
	switch (type) {
	case HPC_F_STOP:
		set_bit(HPC_T_STOPPED, &hpc->flags);
		break;
	case HPC_F_CONT:
		clear_bit(HPC_T_STOPPED, &hpc->flags);
		break;
	case HPC_F_BRING:
		set_bit(HPC_T_BROUGHT, &hpc->flags);
		break;
	case HPC_F_EXECED:
		gone(hpc);
	default:
		return -EPROTO;
	}
	/* Dealt with on the way to user mode. */
	set_thread_flag(TIF_HPC);
	return 0;
}

/*
 * Waits for the answer of type @want; its body is left to the caller.  Somebody
 * here who wants the thread makes home give up the call under way.  1: it is a
 * PART of a RESULT.
 */
static int await(struct hpc_task *hpc, u16 want, u32 *ret_len)
{
	struct hpc_link *link = hpc->link;
	u16 type;
	u32 len;
	int ret;

	for (;;) {
		ret = hpc_link_wait(link, NULL, NULL);
		if (ret && fatal_signal_pending(current)) {
			/* The answer that comes is no answer to what follows. */
			hpc_link_deafen(link);
			return -EINTR;
		}
		if (ret && test_bit(HPC_T_BRING, &hpc->flags) &&
		    !test_and_set_bit(HPC_T_INTR_SENT, &hpc->flags)) {
			ret = hpc_link_send(link, HPC_F_INTR, NULL, 0);
			if (ret)
				return ret;
		}
		/* Signals are for later: wait on, deaf to all but SIGKILL. */
		ret = hpc_link_recv_frame(link, &type, &len);
		if (ret)
			return ret;
		if (type == want) {
			*ret_len = len;
			return 0;
		}
		if (type == HPC_F_PART && want == HPC_F_RESULT) {
			*ret_len = len;
			return 1;
		}
		ret = unasked(hpc, type, len);
		/*
		 * A signal that was sent before home knew of the call: it is to
		 * interrupt that all the same.
		 */
		if (!ret && want == HPC_F_RESULT && task_sigpending(current) &&
		    !test_and_set_bit(HPC_T_INTR_SENT, &hpc->flags))
			ret = hpc_link_send(link, HPC_F_INTR, NULL, 0);
		if (ret)
			return ret;
	}
}

/* The thread goes on: what arrives from here on kicks it. */
static void settle(struct hpc_task *hpc)
{
	if (hpc_link_unexpect(hpc->link))
		set_thread_flag(TIF_HPC);
}

/* --- system calls ---------------------------------------------------------- */

/* Small amounts are copied; large ones go out by reference. */
#define COPY_LIMIT	(16 * 1024)

static int send_copied(struct hpc_task *hpc, struct hpc_wire_call *w,
		       const struct hpc_ranges *ranges, u32 head_len)
{
	struct kvec vec[4] = {
		[1] = { w, sizeof(*w) },
		[2] = { ranges->r, head_len - sizeof(*w) },
	};
	u8 small[128], *buf = small, *p;
	unsigned int i;
	int ret = -EFAULT;

	if (ranges->in > sizeof(small)) {
		buf = kvmalloc(ranges->in, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
	}
	for (p = buf, i = 0; i < ranges->n; i++) {
		u32 len = le32_to_cpu(ranges->r[i].len);

		if (!(le32_to_cpu(ranges->r[i].kind) & HPC_RANGE_IN))
			continue;
		if (copy_from_user(p, (void __user *)le64_to_cpu(ranges->r[i].addr),
				   len))
			goto out;
		p += len;
	}
	vec[3] = (struct kvec) { buf, ranges->in };
	ret = hpc_link_send_kvec(hpc->link, HPC_F_CALL, vec, 4,
				 head_len + ranges->in);
out:
	if (buf != small)
		kvfree(buf);
	return ret;
}

static int send_pinned(struct hpc_task *hpc, struct hpc_wire_call *w,
		       const struct hpc_ranges *ranges, u32 head_len)
{
	struct hpc_user_pages u = {};
	unsigned int i;
	void *head;
	int ret = 0;

	for (i = 0; i < ranges->n && !ret; i++)
		if (le32_to_cpu(ranges->r[i].kind) & HPC_RANGE_IN)
			ret = hpc_user_pages_get(&u,
						 le64_to_cpu(ranges->r[i].addr),
						 le32_to_cpu(ranges->r[i].len));
	head = kvmalloc(head_len, GFP_KERNEL);
	if (!ret && !head)
		ret = -ENOMEM;
	if (!ret) {
		memcpy(head, w, sizeof(*w));
		memcpy(head + sizeof(*w), ranges->r, head_len - sizeof(*w));
		ret = hpc_link_send_pages(hpc->link, HPC_F_CALL, head, head_len,
					  u.bvec, u.n, ranges->in);
	}
	kvfree(head);
	hpc_user_pages_put(&u);
	return ret;
}

/* Bytes of an answer, to @addr; no question may be asked meanwhile. */
static int recv_to(struct hpc_link *link, u64 addr, u32 len)
{
	struct iov_iter to;
	int ret;

	iov_iter_ubuf(&to, ITER_DEST, (void __user *)addr, len);
	link->answering = true;
	ret = hpc_link_recv_iter(link, &to);
	link->answering = false;
	/* Another thread took the memory away: as at home, bad luck. */
	return ret == -EFAULT ? hpc_link_skip(link, iov_iter_count(&to)) : ret;
}

/* The next @len bytes of the first range; @parts of it are there already. */
static int recv_part(struct hpc_task *hpc, const struct hpc_ranges *ranges,
		     u32 *parts, u32 len)
{
	const struct hpc_wire_range *r = &ranges->r[0];
	u64 to = le64_to_cpu(r->addr) + *parts;

	if (!ranges->n || !(le32_to_cpu(r->kind) & HPC_RANGE_RET) ||
	    len > le32_to_cpu(r->len) - *parts)
		return -EPROTO;
	*parts += len;
	return recv_to(hpc->link, to, len);
}

/* Puts the bytes of the OUT ranges where they belong. */
static int recv_out(struct hpc_task *hpc, const struct hpc_ranges *ranges,
		    u32 parts, long ret, u32 len)
{
	u64 left = hpc_ret_bytes(ret);
	unsigned int i;
	int err;

	for (i = 0; i < ranges->n; i++) {
		u64 addr = le64_to_cpu(ranges->r[i].addr) + parts;
		u32 n = hpc_range_out(&ranges->r[i], ret, &left);

		if (n < parts || n - parts > len)
			return -EPROTO;
		n -= parts;
		parts = 0;
		len -= n;
		err = n ? recv_to(hpc->link, addr, n) : 0;
		if (err)
			return err;
	}
	return len ? -EPROTO : 0;
}

long hpc_guest_call(struct hpc_task *hpc, unsigned int nr,
		    const unsigned long *arg, const struct hpc_ranges *ranges)
{
	u32 head_len = sizeof(struct hpc_wire_call) +
		       ranges->n * sizeof(struct hpc_wire_range);
	struct hpc_wire_call w = {
		.nr	= cpu_to_le32(nr),
		.ranges	= cpu_to_le32(ranges->n),
	};
	bool large = ranges->in > COPY_LIMIT;
	struct hpc_wire_result result;
	u32 len, parts = 0;
	int i, err;

	hpc_link_expect(hpc->link);
	for (i = 0; i < 6; i++)
		w.arg[i] = cpu_to_le64(arg[i]);
	times_take(hpc, &w.times);
	if (large) {
		hpc_link_patient(hpc->link, DISK_TIMEOUT_MS);
		err = send_pinned(hpc, &w, ranges, head_len);
	} else {
		err = send_copied(hpc, &w, ranges, head_len);
	}
	/* Memory that went away since it was looked at; nothing was sent. */
	if (err == -EFAULT || err == -ENOMEM) {
		if (large)
			hpc_link_impatient(hpc->link);
		settle(hpc);
		return err;
	}
	while (!err) {
		err = await(hpc, HPC_F_RESULT, &len);
		if (err != 1)
			break;
		err = recv_part(hpc, ranges, &parts, len);
	}
	if (!err && len < sizeof(result))
		err = -EPROTO;
	if (!err)
		err = hpc_link_recv(hpc->link, &result, sizeof(result));
	if (!err)
		err = recv_out(hpc, ranges, parts, le64_to_cpu(result.ret),
			       len - sizeof(result));
	clear_bit(HPC_T_INTR_SENT, &hpc->flags);
	if (large)
		hpc_link_impatient(hpc->link);
	settle(hpc);
	if (err) {
		lost(hpc);
		return -EINTR;
	}
	return le64_to_cpu(result.ret);
}

int hpc_guest_answer(struct hpc_task *hpc, u16 want, void *answer, u32 size)
{
	u32 len;
	int ret;

	hpc_link_expect(hpc->link);
	ret = await(hpc, want, &len);
	ret = ret ?: hpc_link_recv_body(hpc->link, answer, size, len);
	clear_bit(HPC_T_INTR_SENT, &hpc->flags);
	settle(hpc);
	if (ret) {
		lost(hpc);
		return -EINTR;
	}
	return 0;
}

int hpc_guest_ask(struct hpc_task *hpc, u16 type, const void *body, u32 len,
		  u16 want, void *answer, u32 size)
{
	hpc_link_expect(hpc->link);
	/* A link that takes nothing gives no answer either. */
	hpc_link_send(hpc->link, type, body, len);
	return hpc_guest_answer(hpc, want, answer, size);
}

int hpc_guest_mmap(struct hpc_task *hpc, int fd, u32 prot, u32 flags, u32 *id)
{
	struct hpc_wire_mmap w = {
		.fd	= cpu_to_le32(fd),
		.prot	= cpu_to_le32(prot),
		.flags	= cpu_to_le32(flags),
	};
	struct hpc_wire_mapped mapped;
	int ret;

	ret = hpc_guest_ask(hpc, HPC_F_MMAP, &w, sizeof(w),
			    HPC_F_MAPPED, &mapped, sizeof(mapped));
	if (ret)
		return ret;
	if (mapped.error)
		return -(int)le32_to_cpu(mapped.error);
	*id = le32_to_cpu(mapped.file.id);
	if (xa_load(&hpc_process(current)->files, *id))
		return 0;
	return hpc_pager_add(&mapped.file);
}

void hpc_guest_action(struct hpc_task *hpc, int sig)
{
	struct hpc_wire_sigaction w = { .sig = cpu_to_le32(sig) };

	spin_lock_irq(&current->sighand->siglock);
	hpc_action_save(&current->sighand->action[sig - 1].sa, &w.action);
	spin_unlock_irq(&current->sighand->siglock);
	if (hpc_link_send(hpc->link, HPC_F_ACTION, &w, sizeof(w)))
		lost(hpc);
}

void hpc_guest_mask(struct hpc_task *hpc)
{
	u64 now = current->blocked.sig[0], let_in = hpc->told & ~now;
	struct hpc_wire_mask w = { .blocked = cpu_to_le64(now) };
	const unsigned long none[6] = {};
	struct hpc_ranges ranges;

	if (now == hpc->told)
		return;
	hpc->told = now;
	if (hpc_link_send(hpc->link, HPC_F_MASK, &w, sizeof(w))) {
		lost(hpc);
		return;
	}
	if (!let_in)
		return;
	/* Any call will do: its answer comes behind the signals. */
	hpc_ranges_init(&ranges);
	hpc_guest_call(hpc, __NR_getppid, none, &ranges);
}

/* --- pages ----------------------------------------------------------------- */

static int recv_pages(struct hpc_task *hpc, struct folio **folios,
		      unsigned int n, u32 len)
{
	struct bio_vec bvec[HPC_MAX_FETCH];
	struct hpc_wire_pagedata w;
	struct iov_iter to;
	unsigned int i;
	int ret;

	if (len < sizeof(w))
		return -EPROTO;
	ret = hpc_link_recv(hpc->link, &w, sizeof(w));
	if (ret)
		return ret;
	len -= sizeof(w);
	if (w.error)
		return len ? -EPROTO : -EIO;
	if (le32_to_cpu(w.count) != n || len != n << PAGE_SHIFT)
		return -EPROTO;
	for (i = 0; i < n; i++)
		bvec_set_folio(&bvec[i], folios[i], PAGE_SIZE, 0);
	iov_iter_bvec(&to, ITER_DEST, bvec, n, len);
	return hpc_link_recv_iter(hpc->link, &to);
}

int hpc_guest_fetch(u32 file, pgoff_t index, struct folio **folios,
		    unsigned int n)
{
	struct hpc_wire_fetch w = {
		.file	= cpu_to_le32(file),
		.count	= cpu_to_le32(n),
		.index	= cpu_to_le64(index),
	};
	struct hpc_task *hpc = current->hpc;
	u32 len;
	int ret;

	if (hpc_role(current) != HPC_GUEST || !hpc->link || hpc->link->error ||
	    hpc->link->deaf || hpc->link->answering)
		return -EIO;
	hpc_link_expect(hpc->link);
	ret = hpc_link_send(hpc->link, HPC_F_FETCH, &w, sizeof(w));
	ret = ret ?: await(hpc, HPC_F_PAGEDATA, &len);
	ret = ret ?: recv_pages(hpc, folios, n, len);
	if (ret && ret != -EIO) {
		/* In the middle of a fault: die on the way out of it. */
		if (!fatal_signal_pending(current))
			hpc_link_shutdown(hpc->link);
		set_thread_flag(TIF_HPC);
	}
	settle(hpc);
	return ret ? -EIO : 0;
}

/* --- CPU time -------------------------------------------------------------- */

/*
 * What a guest has used travels with its calls.  Who only computes makes none,
 * and would seem to do nothing, seen from home.
 */
#define REPORT	(2 * HZ)

void hpc_guest_report(struct timer_list *timer)
{
	struct hpc_task *hpc = from_timer(hpc, timer, report);

	/* No kick: who sleeps uses nothing, and the others meet the next tick. */
	set_bit(HPC_T_REPORT, &hpc->flags);
	set_tsk_thread_flag(hpc->task, TIF_HPC);
}

static int report(struct hpc_task *hpc)
{
	struct hpc_wire_times w;

	mod_timer(&hpc->report, jiffies + REPORT);
	times_take(hpc, &w);
	return hpc_link_send(hpc->link, HPC_F_TIMES, &w, sizeof(w));
}

void hpc_guest_begin(struct hpc_task *hpc)
{
	hpc->role = HPC_GUEST;
	hpc->told = current->blocked.sig[0];
	hpc->link->timeout = MAX_SCHEDULE_TIMEOUT;
	atomic_inc(&hpc_process(current)->guests);
	mod_timer(&hpc->report, jiffies + REPORT);
}

/* --- on the way to user mode ----------------------------------------------- */

static int drain(struct hpc_task *hpc)
{
	u16 type;
	u32 len;
	int ret;

	while (hpc_link_readable(hpc->link)) {
		ret = hpc_link_recv_frame(hpc->link, &type, &len);
		ret = ret ?: unasked(hpc, type, len);
		if (ret)
			return ret;
	}
	return 0;
}

static bool goes_home(void *data)
{
	struct hpc_task *hpc = data;

	return test_bit(HPC_T_BRING, &hpc->flags) ||
	       test_bit(HPC_T_BROUGHT, &hpc->flags);
}

static int stand_still(struct hpc_task *hpc)
{
	u16 type;
	u32 len;
	int ret = 0;

	while (test_bit(HPC_T_STOPPED, &hpc->flags) && !ret) {
		/* It was to get us here; the next one is for a homecoming. */
		clear_notify_signal();
		if (hpc_link_wait(hpc->link, goes_home, hpc) &&
		    fatal_signal_pending(current))
			return -EINTR;
		if (goes_home(hpc))
			break;
		hpc->link->timeout = MAX_SCHEDULE_TIMEOUT;
		ret = hpc_link_recv_frame(hpc->link, &type, &len);
		ret = ret ?: unasked(hpc, type, len);
	}
	return ret;
}

static int await_taken(struct hpc_task *hpc)
{
	struct hpc_wire_refused refused;
	u16 type;
	u32 len;
	int ret;

	ret = hpc_link_recv_frame(hpc->link, &type, &len);
	if (ret)
		return ret;
	if (type == HPC_F_TAKEN && !len)
		return 0;
	if (type != HPC_F_REFUSED || len != sizeof(refused))
		return -EPROTO;
	ret = hpc_link_recv(hpc->link, &refused, sizeof(refused));
	return ret ?: 1;
}

/* Each thread over its own link, the process over ours. */
static int send_home(struct hpc_task *hpc, struct hpc_task **all, unsigned int n)
{
	struct hpc_image_stats stats = {};
	unsigned int i;
	int ret;

	ret = hpc_pack(hpc->link, 1, &stats);
	for (i = 0; i < n && !ret; i++) {
		ret = hpc_send_saved(all[i]->link, &all[i], 1);
		if (!ret && all[i] == hpc)
			ret = hpc_signals_pack(hpc->link, true);
		ret = ret ?: hpc_link_send(all[i]->link, HPC_F_END, NULL, 0);
	}
	return ret ?: await_taken(hpc);
}

static int go_home_work(struct hpc_task *hpc)
{
	struct hpc_task **all;
	unsigned int n;
	int ret;

	hpc->link->timeout = TAKEN_TIMEOUT;
	hpc_link_patient(hpc->link, 0);
	ret = hpc_threads_get(&all, &n);
	if (!ret) {
		ret = send_home(hpc, all, n);
		kvfree(all);
	}
	hpc->link->timeout = MAX_SCHEDULE_TIMEOUT;
	hpc_link_impatient(hpc->link);
	return ret;
}

/* Home has asked, and holds back signals until it has an answer. */
static int go_home(struct hpc_task *hpc)
{
	int ret;

	ret = hpc_gather_packed(hpc, MAX_SCHEDULE_TIMEOUT, go_home_work);
	if (!ret)
		gone(hpc);
	/* Refused: home has no room; stay, until asked again, and perhaps stand still. */
	clear_bit(HPC_T_BRING, &hpc->flags);
	clear_bit(HPC_T_BROUGHT, &hpc->flags);
	clear_bit(HPC_T_ASKED, &hpc->flags);
	set_thread_flag(TIF_HPC);
	return ret < 0 ? ret : 0;
}

void hpc_guest_user(struct hpc_task *hpc)
{
	int ret;

	hpc_link_expect(hpc->link);
	clear_thread_flag(TIF_HPC);
	ret = drain(hpc);
	ret = ret ?: stand_still(hpc);
	if (!ret && test_and_clear_bit(HPC_T_REPORT, &hpc->flags))
		ret = report(hpc);
	if (!ret && test_bit(HPC_T_BRING, &hpc->flags) &&
	    !test_and_set_bit(HPC_T_ASKED, &hpc->flags))
		ret = hpc_link_send(hpc->link, HPC_F_WANTHOME, NULL, 0);
	if (!ret && test_bit(HPC_T_ASKED, &hpc->flags)) {
		/* It will come; user mode must not run on in between. */
		while (!ret && !test_bit(HPC_T_BROUGHT, &hpc->flags)) {
			u16 type;
			u32 len;

			ret = hpc_link_recv_frame(hpc->link, &type, &len);
			ret = ret ?: unasked(hpc, type, len);
		}
	}
	if (!ret && test_bit(HPC_T_BROUGHT, &hpc->flags)) {
		/* First handlers of the signals that have come. */
		if (task_sigpending(current)) {
			set_thread_flag(TIF_HPC);
			settle(hpc);
			return;
		}
		if (!hpc_vdso_busy(hpc)) {
			clear_notify_signal();
			hpc_interrupted_note(hpc);
			ret = go_home(hpc);
		}
	}
	if (ret)
		lost(hpc);
	settle(hpc);
	/* A handler has returned: the mask may be another. */
	if (!ret && !test_restore_sigmask())
		hpc_guest_mask(hpc);
	/* If no handler is to run after all, the call is made again. */
	if (hpc_interrupted())
		set_thread_flag(TIF_SIGPENDING);
}

void hpc_guest_want_home(struct hpc_task *hpc)
{
	set_bit(HPC_T_BRING, &hpc->flags);
	set_thread_flag(TIF_HPC);
}

void hpc_guest_exit(struct hpc_task *hpc, long code)
{
	bool process = current->signal->flags & SIGNAL_GROUP_EXIT;
	struct hpc_wire_exit w = {
		.code		= cpu_to_le32(code),
		.process	= cpu_to_le32(process),
	};

	if (!hpc->link)
		return;
	times_take(hpc, &w.times);
	/* If it does not arrive, the end of the link says enough. */
	hpc_link_send(hpc->link, HPC_F_EXIT, &w, sizeof(w));
	guest_end(hpc);
}
