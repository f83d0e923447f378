// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of each system call of a guest.
 *
 *   LOCAL	runs where the guest is: its memory, its clocks, its identity,
 *		which the guest's name spaces make right.
 *   FORWARD	the deputy runs it; the line says which memory it reads and
 *		writes.
 *   SPECIAL	a function decides or builds the ranges.
 *   GUEST	the same, and home does not carry it out for a guest.
 *   HOME	the process goes home and runs it there.  Right for everything,
 *		only slow: a line here is never wrong.
 *
 * The table is made from the architecture's own list, so a call without a line
 * does not compile.
 *
 * Memory is described by argument number, counted from 0:
 *
 *   STR(p)		string at p
 *   IN(p, n)		n bytes are read
 *   INN(p, c, n)	(argument c) * n bytes are read
 *   OUT(p, n)		n bytes are written, all of them, if the call succeeds
 *   OUTR(p, c)		up to (argument c) bytes are written: as many as it returns
 *   BOTH(p, n)	read, and written if it succeeds; also for what is written
 *			only in part
 *   BOTHN(p, c, n)	the same, (argument c) * n bytes
 *   ALWAYS(p, n)	read, and written even if it fails (remaining times)
 *   IOVIN, IOVOUT(p, c)	c iovecs at p; RET bytes if written
 *   SOCKADDR(p, l)	written, length in the int at l, which is read and written
 *   FDSET(p)		(argument 0) bits, read and written
 *
 * A null pointer is passed on as it is.  Memory that is not there, or not
 * accessible as a whole, sends the process home: the kernel there knows what
 * the call has to do with it.
 */

#include <linux/binfmts.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/ioctl.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/prctl.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

#include "guest.h"
#include "internal.h"
#include "ranges.h"

enum hpc_class { LOCAL, FORWARD, SPECIAL, GUEST, HOME };

enum what {
	W_NONE, W_STR, W_BYTES, W_IOV_IN, W_IOV_OUT, W_SOCKADDR, W_FDSET,
};

/**
 * struct memory - one range that a call uses
 * @what:	how its length is found
 * @ptr:	argument that holds its address
 * @count:	argument that @size is multiplied by, NO_COUNT for none
 * @kind:	HPC_RANGE_*
 * @size:	bytes
 */
struct memory {
	u8	what;
	u8	ptr;
	u8	count;
	u8	kind;
	u16	size;
};

#define NO_COUNT	0xff

/* Strings this far apart travel with what is between them. */
#define NEAR		256

#define MAX_MEMORY	5

struct call;
struct visit;
typedef bool (*special_t)(struct visit *v);

/**
 * struct call - one line of the table
 * @class:	who deals with it
 * @restarts:	-EINTR without a signal is not to be seen by the program
 * @memory:	of FORWARD
 * @special:	of SPECIAL; false: to be done at home
 */
struct call {
	enum hpc_class	class;
	bool		restarts;
	struct memory	memory[MAX_MEMORY];
	special_t	special;
};

/**
 * struct visit - a guest's call that is being dealt with
 * @hpc:	the thread
 * @regs:	its registers
 * @nr:		of the call; of the original one for restart_syscall()
 * @arg:	as given
 * @ranges:	found so far
 * @ret:	what the call returns
 */
struct visit {
	struct hpc_task		*hpc;
	struct pt_regs		*regs;
	unsigned int		nr;
	unsigned long		arg[6];
	struct hpc_ranges	ranges;
	long			ret;
};

#define STR(p)		{ W_STR, p, NO_COUNT, HPC_RANGE_IN, 0 }
#define IN(p, n)	{ W_BYTES, p, NO_COUNT, HPC_RANGE_IN, n }
#define INN(p, c, n)	{ W_BYTES, p, c, HPC_RANGE_IN, n }
#define OUT(p, n)	{ W_BYTES, p, NO_COUNT, HPC_RANGE_OUT, n }
#define OUTR(p, c)	{ W_BYTES, p, c, HPC_RANGE_OUT | HPC_RANGE_RET, 1 }
#define BOTH(p, n)	{ W_BYTES, p, NO_COUNT, HPC_RANGE_IN | HPC_RANGE_OUT, n }
#define BOTHN(p, c, n)	{ W_BYTES, p, c, HPC_RANGE_IN | HPC_RANGE_OUT, n }
#define ALWAYS(p, n)	{ W_BYTES, p, NO_COUNT, HPC_RANGE_IN | HPC_RANGE_OUT | \
			  HPC_RANGE_ALWAYS, n }
#define IOVIN(p, c)	{ W_IOV_IN, p, c, HPC_RANGE_IN, 0 }
#define IOVOUT(p, c)	{ W_IOV_OUT, p, c, HPC_RANGE_OUT | HPC_RANGE_RET, 0 }
#define SOCKADDR(p, l)	{ W_SOCKADDR, p, l, HPC_RANGE_OUT, 0 }
#define FDSET(p)	{ W_FDSET, p, 0, HPC_RANGE_IN | HPC_RANGE_OUT, 0 }

/* --- ranges ---------------------------------------------------------------- */

/* All of it there, with the right to read or write it? */
static bool mapped(unsigned long addr, unsigned long len, bool write, bool *file)
{
	const vm_flags_t need = write ? VM_WRITE : VM_READ;
	unsigned long end = addr + len;
	struct vm_area_struct *vma;
	bool ok = true;

	mmap_read_lock(current->mm);
	while (ok && addr < end) {
		vma = find_vma(current->mm, addr);
		ok = vma && vma->vm_start <= addr && (vma->vm_flags & need);
		if (ok) {
			*file |= !!vma->vm_file;
			addr = vma->vm_end;
		}
	}
	mmap_read_unlock(current->mm);
	return ok;
}

static bool accessible(unsigned long addr, unsigned long len, u32 kind)
{
	bool write = kind & HPC_RANGE_OUT, file = false;
	char __user *p = (char __user *)addr;

	if (addr < PAGE_SIZE || addr >= TASK_SIZE_MAX ||
	    len > TASK_SIZE_MAX - addr)
		return false;
	if (!mapped(addr, len, write, &file)) {
		char c;

		/* The stack may have to grow; nothing else will appear. */
		if (get_user(c, p) || !mapped(addr, len, write, &file))
			return false;
	}
	/*
	 * The bytes are put there in the middle of an answer, when no page can
	 * be fetched: make those of files our own now.
	 */
	return !write || !file || !fault_in_writeable(p, len);
}

static bool want_range(struct visit *v, unsigned long addr, unsigned long len,
		       u32 kind)
{
	struct hpc_wire_range *r;

	if (!len)
		return true;
	len = min_t(unsigned long, len, MAX_RW_COUNT);
	if (v->ranges.n == HPC_MAX_RANGES || !accessible(addr, len, kind) ||
	    hpc_ranges_grow(&v->ranges, v->ranges.n + 1))
		return false;
	if (kind & HPC_RANGE_IN)
		v->ranges.in += len;
	if (v->ranges.in > HPC_MAX_CALL_IN)
		return false;
	r = &v->ranges.r[v->ranges.n++];
	r->addr = cpu_to_le64(addr);
	r->len = cpu_to_le32(len);
	r->kind = cpu_to_le32(kind);
	return true;
}

static bool want_string(struct visit *v, unsigned long addr)
{
	/* One byte more than any name may have tells that it is too long. */
	long len = strnlen_user((char __user *)addr, PATH_MAX + 1);

	return len > 0 && want_range(v, addr, min_t(long, len, PATH_MAX + 1),
				    HPC_RANGE_IN);
}

static bool want_iovec(struct visit *v, unsigned long addr, unsigned long count,
		       u32 kind)
{
	struct iovec iov;
	unsigned long i;

	if (count > UIO_MAXIOV)
		return false;
	if (!want_range(v, addr, count * sizeof(iov), HPC_RANGE_IN))
		return false;
	for (i = 0; i < count; i++) {
		if (copy_from_user(&iov, (struct iovec __user *)addr + i,
				   sizeof(iov)))
			return false;
		if (!want_range(v, (unsigned long)iov.iov_base, iov.iov_len, kind))
			return false;
	}
	return true;
}

static bool want_sockaddr(struct visit *v, unsigned long addr,
			  unsigned long lenp)
{
	int len;

	if (!lenp)
		return false;
	if (get_user(len, (int __user *)lenp) || len < 0)
		return false;
	return want_range(v, lenp, sizeof(int), HPC_RANGE_IN | HPC_RANGE_OUT) &&
	       want_range(v, addr, min_t(int, len, sizeof(struct sockaddr_storage)),
			  HPC_RANGE_IN | HPC_RANGE_OUT);
}

static bool want_memory(struct visit *v, const struct memory *m)
{
	unsigned long addr = v->arg[m->ptr], len = m->size;

	if (!addr)
		return true;
	switch (m->what) {
	case W_STR:
		return want_string(v, addr);
	case W_IOV_IN:
	case W_IOV_OUT:
		return want_iovec(v, addr, v->arg[m->count], m->kind);
	case W_SOCKADDR:
		return want_sockaddr(v, addr, v->arg[m->count]);
	case W_FDSET:
		return (int)v->arg[0] >= 0 &&
		       want_range(v, addr, BITS_TO_LONGS((int)v->arg[0]) *
					  sizeof(long), m->kind);
	default:
		if (m->count != NO_COUNT &&
		    check_mul_overflow(len, v->arg[m->count], &len))
			return false;
		return want_range(v, addr, len, m->kind);
	}
}

static bool want_all(struct visit *v, const struct memory *m)
{
	int i;

	for (i = 0; i < MAX_MEMORY && m[i].what != W_NONE; i++)
		if (!want_memory(v, &m[i]))
			return false;
	return true;
}

static bool forward(struct visit *v, unsigned int nr)
{
	v->ret = hpc_guest_call(v->hpc, nr, v->arg, &v->ranges);
	return true;
}

/* As if the guest's own kernel had been called. */
static long local(struct visit *v)
{
	return x64_sys_call(v->regs, v->nr);
}

/* --- calls that need a function -------------------------------------------- */

static bool do_mmap_file(struct visit *v)
{
	u32 prot = v->arg[2], flags = v->arg[3], id;
	struct file *file;
	int ret;

	/* What others write to, or can be written to, is shared at home only. */
	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		return false;
	if (flags & (MAP_HUGETLB | MAP_LOCKED) || offset_in_page(v->arg[5])) {
		v->ret = -EINVAL;
		return !(flags & (MAP_HUGETLB | MAP_LOCKED));
	}
	ret = hpc_guest_mmap(v->hpc, v->arg[4], prot, flags, &id);
	if (ret == -EXDEV)
		return false;
	if (ret) {
		v->ret = ret;
		return true;
	}
	file = hpc_file_get(id);
	v->ret = vm_mmap(file, v->arg[0], v->arg[1], prot,
			 flags & ~(MAP_POPULATE | MAP_DENYWRITE), v->arg[5]);
	fput(file);
	return true;
}

static bool do_mmap_call(struct visit *v)
{
	u32 flags = v->arg[3];

	if (!(flags & MAP_ANONYMOUS))
		return do_mmap_file(v);
	if ((flags & MAP_TYPE) != MAP_PRIVATE ||
	    flags & (MAP_HUGETLB | MAP_LOCKED))
		return false;
	v->ret = local(v);
	return true;
}

static bool do_rt_sigaction(struct visit *v)
{
	v->ret = local(v);
	if (!v->ret && v->arg[1])
		hpc_guest_action(v->hpc, v->arg[0]);
	return true;
}

static bool do_rt_sigprocmask(struct visit *v)
{
	v->ret = local(v);
	hpc_guest_mask(v->hpc);
	return true;
}

/* A signal may wait here that came before home knew it was blocked. */
static bool do_rt_sigtimedwait(struct visit *v)
{
	sigset_t these, pending;

	if (v->arg[3] != sizeof(these) ||
	    copy_from_user(&these, (void __user *)v->arg[0], sizeof(these)))
		return false;
	spin_lock_irq(&current->sighand->siglock);
	sigorsets(&pending, &current->pending.signal,
		  &current->signal->shared_pending.signal);
	sigandsets(&pending, &pending, &these);
	spin_unlock_irq(&current->sighand->siglock);
	if (!sigisemptyset(&pending)) {
		v->ret = local(v);
		return true;
	}
	return want_all(v, (struct memory[MAX_MEMORY]) {
			IN(0, 8), OUT(1, 128), IN(2, 16) }) &&
	       forward(v, v->nr);
}

static bool do_rt_sigpending(struct visit *v)
{
	sigset_t home, here;

	if (!v->arg[0] || v->arg[1] != sizeof(home) ||
	    !want_range(v, v->arg[0], sizeof(home), HPC_RANGE_OUT))
		return false;
	forward(v, v->nr);
	if (v->ret)
		return true;
	spin_lock_irq(&current->sighand->siglock);
	sigorsets(&here, &current->pending.signal,
		  &current->signal->shared_pending.signal);
	sigandsets(&here, &here, &current->blocked);
	spin_unlock_irq(&current->sighand->siglock);
	if (copy_from_user(&home, (void __user *)v->arg[0], sizeof(home)))
		return true;
	sigorsets(&home, &home, &here);
	if (copy_to_user((void __user *)v->arg[0], &home, sizeof(home)))
		v->ret = -EFAULT;
	return true;
}

static bool do_rt_sigsuspend(struct visit *v)
{
	sigset_t mask, pending;

	if (v->arg[1] != sizeof(mask) ||
	    copy_from_user(&mask, (void __user *)v->arg[0], sizeof(mask)))
		return false;
	spin_lock_irq(&current->sighand->siglock);
	sigorsets(&pending, &current->pending.signal,
		  &current->signal->shared_pending.signal);
	sigandnsets(&pending, &pending, &mask);
	spin_unlock_irq(&current->sighand->siglock);
	if (!sigisemptyset(&pending)) {
		v->ret = local(v);
		return true;
	}
	return want_range(v, v->arg[0], sizeof(mask), HPC_RANGE_IN) &&
	       forward(v, v->nr);
}

/* Clocks of this process and of the machine are here; others' are not. */
static bool do_clock_gettime(struct visit *v)
{
	if ((int)v->arg[0] >= 0) {
		v->ret = local(v);
		return true;
	}
	return want_range(v, v->arg[1], 16, HPC_RANGE_OUT) && forward(v, v->nr);
}

/* What counts CPU time counts it where the process is: at home, then. */
static bool do_setitimer(struct visit *v)
{
	if (v->arg[0])
		return false;
	return want_all(v, (struct memory[MAX_MEMORY]) {
			IN(1, 32), OUT(2, 32) }) &&
	       forward(v, v->nr);
}

/* A limit holds at both ends: files there, memory here. */
static bool do_setrlimit(struct visit *v)
{
	if (!want_range(v, v->arg[1], 16, HPC_RANGE_IN))
		return false;
	forward(v, v->nr);
	if (!v->ret)
		local(v);
	return true;
}

static bool do_prlimit64(struct visit *v)
{
	if (!want_all(v, (struct memory[MAX_MEMORY]) { IN(2, 16), OUT(3, 16) }))
		return false;
	forward(v, v->nr);
	if (!v->ret && v->arg[2] &&
	    (!v->arg[0] || v->arg[0] == task_tgid_vnr(current))) {
		v->regs->r10 = 0;
		local(v);
		v->regs->r10 = v->arg[3];
	}
	return true;
}

static bool do_prctl(struct visit *v)
{
	switch (v->arg[0]) {
	case PR_GET_NAME:
	case PR_SET_VMA:
	case PR_SET_THP_DISABLE:
	case PR_GET_THP_DISABLE:
		v->ret = local(v);
		return true;
	case PR_SET_NAME:
		v->ret = local(v);
		if (v->ret || !want_string(v, v->arg[1]))
			return true;
		return forward(v, v->nr);
	case PR_SET_TIMERSLACK:
	case PR_GET_TIMERSLACK:
	case PR_SET_PDEATHSIG:
	case PR_SET_DUMPABLE:
	case PR_GET_DUMPABLE:
	case PR_SET_KEEPCAPS:
	case PR_GET_KEEPCAPS:
	case PR_CAPBSET_READ:
	case PR_SET_CHILD_SUBREAPER:
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
	case PR_GET_SECUREBITS:
		return forward(v, v->nr);
	case PR_GET_PDEATHSIG:
	case PR_GET_CHILD_SUBREAPER:
		return want_range(v, v->arg[1], 4, HPC_RANGE_OUT) &&
		       forward(v, v->nr);
	default:
		return false;
	}
}

static bool do_fcntl(struct visit *v)
{
	switch (v->arg[1]) {
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return want_range(v, v->arg[2], 32, HPC_RANGE_IN | HPC_RANGE_OUT) &&
		       forward(v, v->nr);
	case F_GETOWN_EX:
	case F_SETOWN_EX:
	case F_GET_RW_HINT:
	case F_SET_RW_HINT:
	case F_GET_FILE_RW_HINT:
	case F_SET_FILE_RW_HINT:
		return want_range(v, v->arg[2], 8, HPC_RANGE_IN | HPC_RANGE_OUT) &&
		       forward(v, v->nr);
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
	case F_SETFL:
	case F_GETOWN:
	case F_SETOWN:
	case F_GETSIG:
	case F_SETSIG:
	case F_SETLEASE:
	case F_GETLEASE:
	case F_NOTIFY:
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return forward(v, v->nr);
	default:
		return false;
	}
}

/* Older ioctls, whose number says nothing of their memory. */
static const struct {
	u16 cmd;
	u8 kind;
	u8 size;
} ioctls[] = {
	{ 0x5401, HPC_RANGE_OUT, 36 },	/* TCGETS */
	{ 0x5402, HPC_RANGE_IN, 36 },	/* TCSETS */
	{ 0x5403, HPC_RANGE_IN, 36 },	/* TCSETSW */
	{ 0x5404, HPC_RANGE_IN, 36 },	/* TCSETSF */
	{ 0x5405, HPC_RANGE_IN | HPC_RANGE_OUT, 18 },	/* TCGETA */
	{ 0x5409, 0, 0 },		/* TCSBRK */
	{ 0x540a, 0, 0 },		/* TCXONC */
	{ 0x540b, 0, 0 },		/* TCFLSH */
	{ 0x540c, 0, 0 },		/* TIOCEXCL */
	{ 0x540d, 0, 0 },		/* TIOCNXCL */
	{ 0x540e, 0, 0 },		/* TIOCSCTTY */
	{ 0x540f, HPC_RANGE_OUT, 4 },	/* TIOCGPGRP */
	{ 0x5410, HPC_RANGE_IN, 4 },	/* TIOCSPGRP */
	{ 0x5411, HPC_RANGE_OUT, 4 },	/* TIOCOUTQ */
	{ 0x5413, HPC_RANGE_OUT, 8 },	/* TIOCGWINSZ */
	{ 0x5414, HPC_RANGE_IN, 8 },	/* TIOCSWINSZ */
	{ 0x541b, HPC_RANGE_OUT, 4 },	/* FIONREAD */
	{ 0x5421, HPC_RANGE_IN, 4 },	/* FIONBIO */
	{ 0x5422, 0, 0 },		/* TIOCNOTTY */
	{ 0x5425, 0, 0 },		/* TCSBRKP */
	{ 0x5429, HPC_RANGE_OUT, 4 },	/* TIOCGSID */
	{ 0x5450, 0, 0 },		/* FIONCLEX */
	{ 0x5451, 0, 0 },		/* FIOCLEX */
	{ 0x5452, HPC_RANGE_IN, 4 },	/* FIOASYNC */
	{ 0x5460, HPC_RANGE_OUT, 8 },	/* FIOQSIZE */
};

static bool do_ioctl(struct visit *v)
{
	unsigned int cmd = v->arg[1], i;
	u32 kind = 0;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		if (ioctls[i].cmd != cmd)
			continue;
		return want_range(v, v->arg[2], ioctls[i].size, ioctls[i].kind) &&
		       forward(v, v->nr);
	}
	/* Families that keep to what their numbers say: terminals, files. */
	if (_IOC_TYPE(cmd) != 'T' && _IOC_TYPE(cmd) != 'f')
		return false;
	if (_IOC_DIR(cmd) & _IOC_WRITE)
		kind |= HPC_RANGE_IN;
	if (_IOC_DIR(cmd) & _IOC_READ)
		kind |= HPC_RANGE_IN | HPC_RANGE_OUT;
	if (!kind)
		return false;
	return want_range(v, v->arg[2], _IOC_SIZE(cmd), kind) &&
	       forward(v, v->nr);
}

/* msghdr: address, vector and control block, each with its length. */
static bool msg_ranges(struct visit *v, bool out)
{
	const u32 both = HPC_RANGE_IN | (out ? HPC_RANGE_OUT : 0);
	struct user_msghdr msg;

	if (copy_from_user(&msg, (void __user *)v->arg[1], sizeof(msg)))
		return false;
	if (msg.msg_namelen < 0)
		return false;
	/* The vector first: RET bytes are its, in its order. */
	return want_range(v, v->arg[1], sizeof(msg), both) &&
	       (!msg.msg_iovlen ||
		want_iovec(v, (unsigned long)msg.msg_iov, msg.msg_iovlen,
			   out ? HPC_RANGE_OUT | HPC_RANGE_RET : HPC_RANGE_IN)) &&
	       (!msg.msg_name ||
		want_range(v, (unsigned long)msg.msg_name, msg.msg_namelen, both)) &&
	       (!msg.msg_control ||
		want_range(v, (unsigned long)msg.msg_control, msg.msg_controllen,
			   both));
}

static bool do_sendmsg(struct visit *v)
{
	return msg_ranges(v, false) && forward(v, v->nr);
}

static bool do_recvmsg(struct visit *v)
{
	return msg_ranges(v, true) && forward(v, v->nr);
}

/* The sixth argument points to a pointer and a length. */
static bool do_pselect6(struct visit *v)
{
	struct {
		u64 mask;
		u64 size;
	} sig;

	if (!want_all(v, (struct memory[MAX_MEMORY]) {
			FDSET(1), FDSET(2), FDSET(3), ALWAYS(4, 16), IN(5, 16) }))
		return false;
	if (v->arg[5]) {
		if (copy_from_user(&sig, (void __user *)v->arg[5], sizeof(sig)))
			return false;
		if (sig.mask && !want_range(v, sig.mask, 8, HPC_RANGE_IN))
			return false;
	}
	return forward(v, v->nr);
}

static bool do_getsockopt(struct visit *v)
{
	int len;

	if (!v->arg[4] || get_user(len, (int __user *)v->arg[4]) || len < 0)
		return false;
	return want_range(v, v->arg[4], 4, HPC_RANGE_IN | HPC_RANGE_OUT) &&
	       (!v->arg[3] || want_range(v, v->arg[3], len,
					HPC_RANGE_IN | HPC_RANGE_OUT)) &&
	       forward(v, v->nr);
}

static bool do_msgsnd(struct visit *v)
{
	return v->arg[2] < INT_MAX &&
	       want_range(v, v->arg[1], v->arg[2] + 8, HPC_RANGE_IN) &&
	       forward(v, v->nr);
}

static bool do_msgrcv(struct visit *v)
{
	return v->arg[2] < INT_MAX &&
	       want_range(v, v->arg[1], v->arg[2] + 8,
			  HPC_RANGE_IN | HPC_RANGE_OUT) &&
	       forward(v, v->nr);
}

static const struct call *call_of(unsigned long nr);

/* --- children, and other programs ------------------------------------------ */

static bool clone_with(struct visit *v, struct kernel_clone_args *args)
{
	long ret = hpc_guest_clone(v->hpc, args);

	if (ret == -EXDEV)
		return false;
	v->ret = ret;
	return true;
}

static bool do_fork(struct visit *v)
{
	return clone_with(v, &(struct kernel_clone_args) {
		.exit_signal	= SIGCHLD,
	});
}

static bool do_vfork(struct visit *v)
{
	return clone_with(v, &(struct kernel_clone_args) {
		.flags		= CLONE_VFORK | CLONE_VM,
		.exit_signal	= SIGCHLD,
	});
}

static bool do_clone(struct visit *v)
{
	return clone_with(v, &(struct kernel_clone_args) {
		.flags		= lower_32_bits(v->arg[0]) & ~CSIGNAL,
		.exit_signal	= v->arg[0] & CSIGNAL,
		.stack		= v->arg[1],
		.parent_tid	= (int __user *)v->arg[2],
		.child_tid	= (int __user *)v->arg[3],
		.tls		= v->arg[4],
	});
}

static bool do_clone3(struct visit *v)
{
	struct clone_args a;

	/* What this kernel does not know, or refuses, home is to judge. */
	if (v->arg[1] < CLONE_ARGS_SIZE_VER0 || v->arg[1] > sizeof(a) ||
	    copy_struct_from_user(&a, sizeof(a), (void __user *)v->arg[0],
				  v->arg[1]))
		return false;
	if (a.set_tid_size || a.cgroup || a.flags & CSIGNAL ||
	    a.exit_signal & ~(u64)CSIGNAL || !!a.stack != !!a.stack_size ||
	    a.stack_size > TASK_SIZE_MAX || a.stack > TASK_SIZE_MAX)
		return false;
	return clone_with(v, &(struct kernel_clone_args) {
		.flags		= a.flags,
		.exit_signal	= a.exit_signal,
		.stack		= a.stack + a.stack_size,
		.parent_tid	= (int __user *)a.parent_tid,
		.child_tid	= (int __user *)a.child_tid,
		.tls		= a.tls,
	});
}

/* A range that begins in the last one, or just behind it, makes that longer. */
static bool want_near(struct visit *v, unsigned long addr, unsigned long len)
{
	struct hpc_wire_range *last;
	unsigned long start, end;

	if (!v->ranges.n)
		return want_range(v, addr, len, HPC_RANGE_IN);
	last = &v->ranges.r[v->ranges.n - 1];
	start = le64_to_cpu(last->addr);
	end = start + le32_to_cpu(last->len);
	if (addr >= start && addr + len <= end)
		return true;
	if (addr < start || addr > end + NEAR || addr + len - start > U32_MAX ||
	    !accessible(end, addr + len - end, HPC_RANGE_IN))
		return want_range(v, addr, len, HPC_RANGE_IN);
	v->ranges.in += addr + len - end;
	last->len = cpu_to_le32(addr + len - start);
	return v->ranges.in <= HPC_MAX_CALL_IN;
}

/* A vector of strings, as exec takes it, with the null pointer at its end. */
static bool want_strings(struct visit *v, unsigned long vector)
{
	unsigned long addr, n = 0;
	long len;

	if (!vector)
		return true;
	do {
		if (get_user(addr, (unsigned long __user *)vector + n++))
			return false;
	} while (addr);
	if (!want_range(v, vector, n * sizeof(addr), HPC_RANGE_IN))
		return false;
	while (--n) {
		if (get_user(addr, (unsigned long __user *)vector))
			return false;
		vector += sizeof(addr);
		len = strnlen_user((char __user *)addr, MAX_ARG_STRLEN);
		if (len <= 0 || len > MAX_ARG_STRLEN || !want_near(v, addr, len))
			return false;
	}
	return true;
}

static bool do_exec(struct visit *v, int name, int vectors)
{
	return want_string(v, v->arg[name]) &&
	       want_strings(v, v->arg[vectors]) &&
	       want_strings(v, v->arg[vectors + 1]) && forward(v, v->nr);
}

static bool do_execve(struct visit *v)
{
	return do_exec(v, 0, 1);
}

static bool do_execveat(struct visit *v)
{
	return do_exec(v, 1, 2);
}

/*
 * The deputy remembers what to go on with; which memory that uses, the
 * arguments, still in their registers, say.
 */
static bool do_restart_syscall(struct visit *v)
{
	const struct call *c = call_of(v->hpc->restart_nr);

	if (!v->hpc->restart_nr)
		return false;
	if (c && c->class == LOCAL) {
		v->ret = local(v);
		return true;
	}
	if (!c || c->class != FORWARD || !want_all(v, c->memory))
		return false;
	return forward(v, __NR_restart_syscall);
}

/* --- the table ------------------------------------------------------------- */

#define L(sym)		static const struct call call_##sym = { LOCAL }
#define H(sym)		static const struct call call_##sym = { HOME }
#define F(sym, ...)	static const struct call call_##sym = \
				{ FORWARD, .memory = { __VA_ARGS__ } }
/* Ends with -EINTR for any interruption: not to be seen if it was ours. */
#define R(sym, ...)	static const struct call call_##sym = \
				{ FORWARD, true, .memory = { __VA_ARGS__ } }
#define S(sym, fn)	static const struct call call_##sym = \
				{ SPECIAL, .special = fn }
#define G(sym, fn)	static const struct call call_##sym = \
				{ GUEST, .special = fn }
#define SR(sym, fn)	static const struct call call_##sym = \
				{ SPECIAL, true, .special = fn }
#include "calls.h"
#undef L
#undef H
#undef F
#undef R
#undef S
#undef SR
#undef G

#define __SYSCALL(nr, sym) \
[nr] = &call_##sym,
#define __SYSCALL_NORETURN(nr, sym) __SYSCALL(nr, sym)
static const struct call * const calls[] = {
#include <asm/syscalls_64.h>
};
#undef __SYSCALL
#undef __SYSCALL_NORETURN

static const struct call *call_of(unsigned long nr)
{
	return nr < ARRAY_SIZE(calls) ? calls[nr] : NULL;
}

bool hpc_call_restarts(unsigned int nr)
{
	const struct call *c = call_of(nr);

	return c && c->restarts;
}

bool hpc_call_forwarded(unsigned int nr)
{
	const struct call *c = call_of(nr);

	return c && (c->class == FORWARD || c->class == SPECIAL);
}

static bool dispatch(struct visit *v, const struct call *c)
{
	if (c->class == SPECIAL || c->class == GUEST)
		return c->special(v);
	return want_all(v, c->memory) && forward(v, v->nr);
}

bool hpc_guest_syscall(struct hpc_task *hpc, struct pt_regs *regs, long nr)
{
	const struct call *c = in_ia32_syscall() ? NULL : call_of(nr);
	struct visit v = {
		.hpc	= hpc,
		.regs	= regs,
		.nr	= nr,
		.arg	= { regs->di, regs->si, regs->dx,
			    regs->r10, regs->r8, regs->r9 },
	};
	bool done = false;

	/* It changes the mask, which home is to hear of. */
	if (nr == __NR_rt_sigreturn)
		set_thread_flag(TIF_HPC);
	if (nr != __NR_restart_syscall)
		hpc->restart_nr = nr;
	if (c && c->class == LOCAL)
		return false;
	hpc_ranges_init(&v.ranges);
	if (c && c->class != HOME)
		done = dispatch(&v, c);
	if (!done) {
		/* Back in front of the instruction; it is executed at home. */
		regs->ip -= 2;
		regs->ax = nr;
		regs->orig_ax = -1;
		hpc_guest_want_home(hpc);
		return true;
	}
	regs->ax = v.ret;
	/* hpc_guest_user() sees to what becomes of an interrupted call. */
	if (hpc_interrupted())
		set_thread_flag(TIF_HPC);
	return true;
}
