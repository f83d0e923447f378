// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking: the current task becomes the process of an image.
 *
 * Nothing of the stream is believed: each frame has its size, its place in the
 * order and its limits, and the memory it describes is made by the same
 * functions mmap(2) uses.  Until hpc_arrive() the task can go back to what it
 * was.
 */

#include <linux/binfmts.h>
#include <linux/buildid.h>
#include <linux/bvec.h>
#include <linux/coredump.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ksm.h>
#include <linux/mm.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/userfaultfd_k.h>
#include <linux/rseq.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <uapi/linux/membarrier.h>
#include <asm/elf.h>
#include <asm/mmu_context.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <asm/vdso.h>

#include "../futex/futex.h"
#include "arch.h"
#include "image.h"
#include "internal.h"
#include "link.h"

/**
 * struct unpack - while it lasts
 * @link:	where from
 * @a:		where to
 * @stage:	type of the last frame, for the order
 * @vmas:	so far
 * @files:	so far
 * @t:		thread at hand
 * @pages:	of the frame at hand
 * @bvec:	likewise
 */
struct unpack {
	struct hpc_link		*link;
	struct hpc_arrival	*a;
	u16			stage;
	unsigned int		vmas;
	unsigned int		files;
	struct hpc_thread_image	*t;
	struct page		*pages[HPC_MAX_RUN];
	struct bio_vec		bvec[HPC_MAX_RUN];
};

/* --- head and process ------------------------------------------------------ */

static int unpack_head(struct unpack *u, u32 len)
{
	struct hpc_wire_head *w = &u->a->head;
	int ret;

	ret = hpc_link_recv_body(u->link, w, sizeof(*w), len);
	if (ret)
		return ret;
	if (le32_to_cpu(w->magic) != HPC_WIRE_MAGIC || w->reserved)
		return -EPROTO;
	if (le16_to_cpu(w->version) != HPC_WIRE_VERSION ||
	    le16_to_cpu(w->arch) != HPC_WIRE_ARCH_X86_64 ||
	    le32_to_cpu(w->page_shift) != PAGE_SHIFT)
		return -EOPNOTSUPP;
	if (!w->threads || le32_to_cpu(w->threads) > HPC_MAX_THREADS ||
	    (u->a->home && le32_to_cpu(w->threads) != 1))
		return -EPROTO;
	/* Another kernel's vDSO is other code at the same address. */
	if (memcmp(w->build_id, vmlinux_build_id, sizeof(w->build_id)))
		return -EOPNOTSUPP;
	return 0;
}

static int unpack_process(struct unpack *u, u32 len)
{
	struct hpc_wire_process *w = &u->a->process;
	int ret;

	ret = hpc_link_recv_body(u->link, w, sizeof(*w), len);
	if (ret)
		return ret;
	w->comm[sizeof(w->comm) - 1] = 0;
	if (le32_to_cpu(w->home) > HPC_NODE_MAX || !le32_to_cpu(w->pid))
		return -EPROTO;
	/* Whose files these are, before the first of them is mapped. */
	if (!u->a->home)
		memcpy(hpc_process(current)->boot_id, w->boot_id,
		       sizeof(w->boot_id));
	return 0;
}

/* --- memory ---------------------------------------------------------------- */

static bool user_addr(__le64 addr)
{
	return le64_to_cpu(addr) <= TASK_SIZE_MAX;
}

static bool mm_valid(const struct hpc_wire_mm *w)
{
	const __le64 *field = (const __le64 *)w;
	int i;

	/* All but the flags are addresses. */
	for (i = 0; i < offsetof(struct hpc_wire_mm, flags) / sizeof(*field); i++)
		if (!user_addr(field[i]))
			return false;
	return le64_to_cpu(w->brk) >= le64_to_cpu(w->start_brk) &&
	       le64_to_cpu(w->arg_end) >= le64_to_cpu(w->arg_start) &&
	       le64_to_cpu(w->env_end) >= le64_to_cpu(w->env_start) &&
	       !(le32_to_cpu(w->flags) & ~(HPC_MM_TOPDOWN | HPC_MM_NO_THP));
}

static void mm_set_layout(struct mm_struct *mm, const struct hpc_wire_mm *w)
{
	arch_pick_mmap_layout(mm, &current->signal->rlim[RLIMIT_STACK]);
	mm->mmap_base = le64_to_cpu(w->mmap_base);
	mm->task_size = TASK_SIZE;
	mm->start_code = le64_to_cpu(w->start_code);
	mm->end_code = le64_to_cpu(w->end_code);
	mm->start_data = le64_to_cpu(w->start_data);
	mm->end_data = le64_to_cpu(w->end_data);
	mm->start_brk = le64_to_cpu(w->start_brk);
	mm->brk = le64_to_cpu(w->brk);
	mm->start_stack = le64_to_cpu(w->start_stack);
	mm->arg_start = le64_to_cpu(w->arg_start);
	mm->arg_end = le64_to_cpu(w->arg_end);
	mm->env_start = le64_to_cpu(w->env_start);
	mm->env_end = le64_to_cpu(w->env_end);
	if (le32_to_cpu(w->flags) & HPC_MM_NO_THP)
		set_bit(MMF_DISABLE_THP, &mm->flags);
}

/* A homecoming gives the new memory what the world knows the process by. */
static int mm_inherit(struct mm_struct *mm, struct mm_struct *old)
{
	struct file *exe = get_mm_exe_file(old);
	int ret = 0;

	if (exe) {
		ret = set_mm_exe_file(mm, exe);
		fput(exe);
	}
	memcpy(mm->saved_auxv, old->saved_auxv, sizeof(mm->saved_auxv));
	if (old->binfmt)
		__module_get(old->binfmt->module);
	mm->binfmt = old->binfmt;
	set_dumpable(mm, get_dumpable(old));
	return ret;
}

static int map_vdso(unsigned long code)
{
	const struct vdso_image *image = &vdso_image_64;
	int ret;

	if (!code)
		return 0;
	ret = map_vdso_once(image, code + image->sym_vvar_start);
	if (ret)
		return ret;
	return (unsigned long)current->mm->context.vdso == code ? 0 : -EPROTO;
}

/* What the program has registered for is registered again; see membarrier(2). */
static void membarrier_restore(u32 state)
{
	static const struct {
		u32 state;
		int cmd;
	} map[] = {
		{ MEMBARRIER_STATE_PRIVATE_EXPEDITED,
		  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED },
		{ MEMBARRIER_STATE_GLOBAL_EXPEDITED,
		  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED },
		{ MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE,
		  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE },
		{ MEMBARRIER_STATE_PRIVATE_EXPEDITED_RSEQ,
		  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ },
	};
	struct pt_regs regs;
	int i;

	for (i = 0; i < ARRAY_SIZE(map); i++) {
		if (!(state & map[i].state))
			continue;
		regs = (struct pt_regs) { .di = map[i].cmd };
		x64_sys_call(&regs, __NR_membarrier);
	}
}

static int unpack_mm(struct unpack *u, u32 len)
{
	struct hpc_wire_mm w;
	struct mm_struct *mm;
	int ret;

	ret = hpc_link_recv_body(u->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	if (!mm_valid(&w))
		return -EPROTO;

	mm = mm_alloc();
	if (!mm)
		return -ENOMEM;
	mm_set_layout(mm, &w);
	if (u->a->home) {
		ret = mm_inherit(mm, current->mm);
		if (ret) {
			mmput(mm);
			return ret;
		}
	}
	mmget(current->mm);
	u->a->old_mm = current->mm;
	ret = hpc_mm_switch(mm);
	if (ret) {
		mmput(u->a->old_mm);
		u->a->old_mm = NULL;
		mmput(mm);
		return ret;
	}
	ret = map_vdso(le64_to_cpu(w.vdso));
	if (!ret)
		membarrier_restore(le32_to_cpu(w.membarrier));
	return ret;
}

static int unpack_file(struct unpack *u, u32 len)
{
	struct hpc_wire_file w;
	int ret;

	ret = hpc_link_recv_body(u->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	if (!w.id || le32_to_cpu(w.id) > HPC_MAX_FILES ||
	    ++u->files > HPC_MAX_FILES || (s64)le64_to_cpu(w.size) < 0)
		return -EPROTO;
	/* Home knows its files; it was it that numbered them. */
	return u->a->home ? 0 : hpc_pager_add(&w);
}

static unsigned long vma_mmap_flags(u32 f, bool file)
{
	unsigned long flags = MAP_FIXED_NOREPLACE;

	flags |= f & HPC_VMA_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (!file)
		flags |= MAP_ANONYMOUS;
	if (f & HPC_VMA_GROWSDOWN)
		flags |= MAP_GROWSDOWN;
	if (f & HPC_VMA_NORESERVE)
		flags |= MAP_NORESERVE;
	return flags;
}

static int vma_advise(unsigned long start, unsigned long len, u32 f)
{
	static const struct {
		u32 wire;
		int advice;
	} map[] = {
		{ HPC_VMA_DONTFORK,	MADV_DONTFORK },
		{ HPC_VMA_WIPEONFORK,	MADV_WIPEONFORK },
		{ HPC_VMA_DONTDUMP,	MADV_DONTDUMP },
		{ HPC_VMA_HUGE,		MADV_HUGEPAGE },
		{ HPC_VMA_NOHUGE,	MADV_NOHUGEPAGE },
		{ HPC_VMA_MERGEABLE,	MADV_MERGEABLE },
	};
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(map); i++) {
		if (!(f & map[i].wire))
			continue;
		ret = do_madvise(current->mm, start, len, map[i].advice);
		/* Advice this kernel does not take changes nothing but speed. */
		if (ret && ret != -EINVAL)
			return ret;
	}
	return 0;
}

/*
 * What was shared, read only, is a copy for a guest.  That it may not be made
 * writable tells the two apart, to mprotect() and when it is packed again.
 */
static int vma_forbid_writing(unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, addr);
	if (vma)
		vm_flags_clear(vma, VM_MAYWRITE);
	mmap_write_unlock(mm);
	return 0;
}

static int unpack_vma(struct unpack *u, u32 len)
{
	unsigned long start, end, addr, prot = 0;
	struct file *file = NULL;
	struct hpc_wire_vma w;
	u32 f;
	int ret;

	ret = hpc_link_recv_body(u->link, &w, sizeof(w), len);
	if (ret)
		return ret;
	start = le64_to_cpu(w.start);
	end = le64_to_cpu(w.end);
	f = le32_to_cpu(w.flags);
	if (start >= end || end > TASK_SIZE_MAX || (start | end) & ~PAGE_MASK ||
	    start < PAGE_SIZE || f & ~HPC_VMA_FLAGS ||
	    ++u->vmas > HPC_MAX_VMAS ||
	    (f & HPC_VMA_SHARED && (!w.file || f & HPC_VMA_WRITE)) ||
	    le64_to_cpu(w.pgoff) > (S64_MAX >> PAGE_SHIFT))
		return -EPROTO;

	if (w.file) {
		file = hpc_file_get(le32_to_cpu(w.file));
		if (!file)
			return -EPROTO;
		/* At home it is shared with the file again; a guest has a copy. */
		if (!u->a->home)
			f &= ~HPC_VMA_SHARED;
	}
	prot |= f & HPC_VMA_READ ? PROT_READ : 0;
	prot |= f & HPC_VMA_WRITE ? PROT_WRITE : 0;
	prot |= f & HPC_VMA_EXEC ? PROT_EXEC : 0;

	addr = vm_mmap(file, start, end - start, prot, vma_mmap_flags(f, file),
		       file ? le64_to_cpu(w.pgoff) << PAGE_SHIFT : 0);
	if (file)
		fput(file);
	/* Else it is what no process can have mapped. */
	if (IS_ERR_VALUE(addr))
		return (int)addr == -ENOMEM || (int)addr == -EINTR ? (int)addr :
								     -EPROTO;
	if (le32_to_cpu(w.flags) & HPC_VMA_SHARED && !u->a->home) {
		ret = vma_forbid_writing(start);
		if (ret)
			return ret;
	}
	return vma_advise(start, end - start, f);
}

/* --- pages ----------------------------------------------------------------- */

static pmd_t *alloc_pmd(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_alloc(mm, pgd_offset(mm, addr), addr);
	pud_t *pud = p4d ? pud_alloc(mm, p4d, addr) : NULL;
	pmd_t *pmd = pud ? pmd_alloc(mm, pud, addr) : NULL;

	return pmd && !pte_alloc(mm, pmd) ? pmd : NULL;
}

/*
 * Who looks at the memory meanwhile (ps reads the arguments) finds nothing and
 * leaves a page of zeroes, or a huge one, which is replaced.
 */
static int install_page(struct vm_area_struct *vma, unsigned long addr,
			struct page *page)
{
	pmd_t *pmd;
	int ret;

	for (;;) {
		pmd = alloc_pmd(vma->vm_mm, addr);
		if (!pmd)
			return -ENOMEM;
		ret = mfill_atomic_install_pte(pmd, vma, addr, page, true, 0);
		if (ret != -EEXIST && ret != -EAGAIN)
			return ret;
		zap_page_range_single(vma, addr, PAGE_SIZE, NULL);
		cond_resched();
	}
}

/*
 * Puts pages with their contents in place, as userfaultfd does: no fault, no
 * zeroing, and a copy of a file's page needs no look at the file.
 */
static int install_pages(struct unpack *u, unsigned long addr, u32 count)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma = NULL;
	int ret = 0;
	u32 i;

	mmap_read_lock(mm);
	for (i = 0; i < count && !ret; i++, addr += PAGE_SIZE) {
		if (!vma || addr >= vma->vm_end) {
			vma = vma_lookup(mm, addr);
			ret = -EPROTO;
			if (!vma || vma->vm_flags & (VM_SHARED | VM_PFNMAP))
				break;
			ret = -ENOMEM;
			if (anon_vma_prepare(vma))
				break;
		}
		ret = install_page(vma, addr, u->pages[i]);
		/* The page table has it now. */
		if (!ret)
			u->pages[i] = NULL;
		else if (ret != -ENOMEM)
			ret = -EPROTO;
	}
	mmap_read_unlock(mm);
	return ret;
}

static int alloc_pages_for(struct unpack *u, u32 count)
{
	struct folio *folio;
	u32 i;

	for (i = 0; i < count; i++) {
		folio = folio_alloc(GFP_HIGHUSER_MOVABLE, 0);
		if (!folio)
			return -ENOMEM;
		u->pages[i] = &folio->page;
		if (mem_cgroup_charge(folio, current->mm, GFP_KERNEL))
			return -ENOMEM;
		bvec_set_page(&u->bvec[i], u->pages[i], PAGE_SIZE, 0);
	}
	return 0;
}

static int unpack_pages(struct unpack *u, u32 len)
{
	struct hpc_wire_pages w;
	unsigned long addr;
	struct iov_iter to;
	u32 count, i;
	int ret;

	if (len < sizeof(w))
		return -EPROTO;
	ret = hpc_link_recv(u->link, &w, sizeof(w));
	if (ret)
		return ret;
	addr = le64_to_cpu(w.addr);
	count = le32_to_cpu(w.count);
	if (!count || count > HPC_MAX_RUN || w.reserved ||
	    len - sizeof(w) != count << PAGE_SHIFT || addr & ~PAGE_MASK ||
	    addr >= TASK_SIZE_MAX)
		return -EPROTO;

	ret = alloc_pages_for(u, count);
	if (ret) {
		/* The frame is read all the same, for the sake of what follows. */
		hpc_link_skip(u->link, count << PAGE_SHIFT);
	} else {
		iov_iter_bvec(&to, ITER_DEST, u->bvec, count, count << PAGE_SHIFT);
		ret = hpc_link_recv_iter(u->link, &to);
	}
	for (i = 0; i < count && !ret; i++)
		__folio_mark_uptodate(page_folio(u->pages[i]));
	ret = ret ?: install_pages(u, addr, count);
	for (i = 0; i < count; i++) {
		if (u->pages[i])
			put_page(u->pages[i]);
		u->pages[i] = NULL;
	}
	if (!ret)
		u->a->stats.pages += count;
	return ret;
}

/* --- what waits until hpc_arrive() ----------------------------------------- */

static int unpack_actions(struct unpack *u, u32 len)
{
	struct hpc_wire_action *w = u->a->actions;
	int ret;

	ret = hpc_link_recv_body(u->link, w, sizeof(u->a->actions), len);
	if (ret)
		return ret;
	/* A process that could not be killed. */
	if (w[SIGKILL - 1].handler || w[SIGSTOP - 1].handler)
		return -EPROTO;
	return 0;
}

static int unpack_thread(struct unpack *u, u32 len)
{
	struct hpc_thread_image *t;
	struct hpc_wire_thread *w;
	int ret;

	if (u->t && u->t->nregs != HPC_ARCH_REGSETS)
		return -EPROTO;
	t = kvzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return hpc_link_skip(u->link, len) ?: -ENOMEM;
	INIT_LIST_HEAD(&t->regs);
	list_add_tail(&t->list, &u->a->threads);
	u->a->nthreads++;
	u->t = t;
	w = &t->thread;
	ret = hpc_link_recv_body(u->link, w, sizeof(*w), len);
	if (ret)
		return ret;
	w->comm[sizeof(w->comm) - 1] = 0;
	if (!user_addr(w->futex_addr) || w->reserved || !w->tid ||
	    !user_addr(w->altstack_sp) || !user_addr(w->robust_list) ||
	    !user_addr(w->clear_child_tid) || !user_addr(w->rseq) ||
	    le32_to_cpu(w->altstack_flags) & ~(SS_AUTODISARM | SS_DISABLE))
		return -EPROTO;
	return 0;
}

static bool regs_known(struct unpack *u, u32 note)
{
	struct hpc_regs *r;

	list_for_each_entry(r, &u->t->regs, list)
		if (r->note == note)
			return true;
	return false;
}

static int unpack_regs(struct unpack *u, u32 len)
{
	struct hpc_wire_regs w;
	struct hpc_regs *r;
	int ret;

	if (len < sizeof(w) || len - sizeof(w) > HPC_MAX_REGSET ||
	    ++u->t->nregs > HPC_MAX_REGSETS)
		return -EPROTO;
	ret = hpc_link_recv(u->link, &w, sizeof(w));
	if (ret)
		return ret;
	if (w.reserved || regs_known(u, le32_to_cpu(w.note)))
		return -EPROTO;
	len -= sizeof(w);
	r = kvzalloc(struct_size(r, data, len), GFP_KERNEL_ACCOUNT);
	if (!r)
		return hpc_link_skip(u->link, len) ?: -ENOMEM;
	r->note = le32_to_cpu(w.note);
	r->len = len;
	list_add_tail(&r->list, &u->t->regs);
	ret = hpc_link_recv(u->link, r->data, len);
	if (ret)
		return ret;
	ret = hpc_arch_check(r->note, r->data, len);
	return ret == -EINVAL ? -EPROTO : ret;
}

static int unpack_siginfo(struct unpack *u, u32 len)
{
	struct hpc_pending_sig *p;

	if (len != sizeof(p->info) || !u->a->home ||
	    ++u->a->nsiginfos > HPC_MAX_SIGINFOS)
		return -EPROTO;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return hpc_link_skip(u->link, len) ?: -ENOMEM;
	list_add_tail(&p->list, &u->a->siginfos);
	return hpc_link_recv(u->link, &p->info, len);
}

/* --- the order ------------------------------------------------------------- */

static bool in_order(const struct unpack *u, u16 type)
{
	u16 stage = u->stage;

	switch (type) {
	case HPC_F_HEAD:
		return !stage;
	case HPC_F_PROCESS:
		return stage == HPC_F_HEAD;
	case HPC_F_MM:
		return stage == HPC_F_PROCESS;
	case HPC_F_FILE:
	case HPC_F_VMA:
		return stage == HPC_F_MM || stage == HPC_F_FILE ||
		       stage == HPC_F_VMA;
	case HPC_F_PAGES:
		return stage == HPC_F_VMA || stage == HPC_F_PAGES;
	case HPC_F_ACTIONS:
		return stage == HPC_F_VMA || stage == HPC_F_PAGES;
	case HPC_F_THREAD:
		return stage == HPC_F_ACTIONS ||
		       ((stage == HPC_F_REGS || stage == HPC_F_SIGINFO) &&
			u->a->nthreads < le32_to_cpu(u->a->head.threads));
	case HPC_F_REGS:
		return stage == HPC_F_THREAD || stage == HPC_F_REGS;
	case HPC_F_SIGINFO:
		return stage == HPC_F_REGS || stage == HPC_F_SIGINFO;
	case HPC_F_END:
		return stage == HPC_F_REGS || stage == HPC_F_SIGINFO;
	default:
		return false;
	}
}

static int unpack_frame(struct unpack *u, u16 type, u32 len)
{
	switch (type) {
	case HPC_F_HEAD:
		return unpack_head(u, len);
	case HPC_F_PROCESS:
		return unpack_process(u, len);
	case HPC_F_MM:
		return unpack_mm(u, len);
	case HPC_F_FILE:
		return unpack_file(u, len);
	case HPC_F_VMA:
		return unpack_vma(u, len);
	case HPC_F_PAGES:
		return unpack_pages(u, len);
	case HPC_F_ACTIONS:
		return unpack_actions(u, len);
	case HPC_F_THREAD:
		return unpack_thread(u, len);
	case HPC_F_REGS:
		return unpack_regs(u, len);
	case HPC_F_SIGINFO:
		return unpack_siginfo(u, len);
	case HPC_F_END:
		return len || u->t->nregs != HPC_ARCH_REGSETS ||
		       u->a->nthreads != le32_to_cpu(u->a->head.threads) ?
			-EPROTO : 0;
	default:
		return -EPROTO;
	}
}

/* Reads what is left of an image that is not wanted, so that an answer is heard. */
static int drain_image(struct hpc_link *link, u16 last)
{
	u16 type = last;
	u32 len;
	int ret = 0;

	while (!ret && type != HPC_F_END) {
		ret = hpc_link_recv_frame(link, &type, &len);
		ret = ret ?: hpc_link_skip(link, len);
	}
	return ret;
}

/* From the frame of @type on, whose header has been read, to END. */
static int unpack_from(struct unpack *u, u16 type, u32 len)
{
	int ret;

	for (;;) {
		ret = in_order(u, type) ? unpack_frame(u, type, len) : -EPROTO;
		u->stage = type;
		if (ret || type == HPC_F_END)
			break;
		ret = hpc_link_recv_frame(u->link, &type, &len);
		if (ret)
			break;
	}
	/* Frame by frame it was sound: the sender is to learn what was wrong. */
	if (ret == -ENOMEM || ret == -EOPNOTSUPP)
		if (drain_image(u->link, u->stage))
			ret = u->link->error;
	return ret;
}

static struct unpack *unpack_begin(struct hpc_link *link, struct hpc_arrival *a)
{
	struct unpack *u = kvzalloc(sizeof(*u), GFP_KERNEL);

	if (u) {
		u->link = link;
		u->a = a;
	}
	return u;
}

int hpc_unpack(struct hpc_link *link, u32 head_len, struct hpc_arrival *a)
{
	struct unpack *u = unpack_begin(link, a);
	u64 before = link->received;
	int ret;

	if (!u)
		return -ENOMEM;
	ret = unpack_from(u, HPC_F_HEAD, head_len);
	a->stats.bytes = link->received - before;
	if (ret)
		hpc_unpack_undo(a);
	kvfree(u);
	return ret;
}

int hpc_unpack_thread(struct hpc_link *link, u16 type, u32 len,
		      struct hpc_arrival *a)
{
	struct unpack *u = unpack_begin(link, a);
	int ret;

	if (!u)
		return -ENOMEM;
	a->head.threads = cpu_to_le32(1);
	u->stage = HPC_F_ACTIONS;
	ret = unpack_from(u, type, len);
	kvfree(u);
	return ret;
}

struct hpc_thread_image *hpc_arrival_first(struct hpc_arrival *a)
{
	return list_first_entry(&a->threads, struct hpc_thread_image, list);
}

void hpc_unpack_undo(struct hpc_arrival *a)
{
	if (!a->old_mm)
		return;
	/* The reference goes to the task; its new memory goes away. */
	if (hpc_mm_switch(a->old_mm))
		mmput(a->old_mm);
	a->old_mm = NULL;
}

void hpc_thread_image_free(struct hpc_thread_image *t)
{
	struct hpc_regs *r, *nr;

	list_for_each_entry_safe(r, nr, &t->regs, list)
		kvfree(r);
	hpc_link_close(t->link);
	kvfree(t);
}

struct hpc_arrival *hpc_arrival_new(bool home)
{
	struct hpc_arrival *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);

	if (!a)
		return NULL;
	a->home = home;
	INIT_LIST_HEAD(&a->threads);
	INIT_LIST_HEAD(&a->siginfos);
	return a;
}

void hpc_arrival_free(struct hpc_arrival *a)
{
	struct hpc_thread_image *t, *nt;
	struct hpc_pending_sig *p, *np;

	list_for_each_entry_safe(t, nt, &a->threads, list)
		hpc_thread_image_free(t);
	list_for_each_entry_safe(p, np, &a->siginfos, list)
		kfree(p);
	if (a->old_mm)
		mmput(a->old_mm);
	kfree(a);
}

/*
 * Goes on with a FUTEX_WAIT, for the rest of its time.  Only the futex code can
 * prepare a restart of its own, so the wait begins here.
 */
void hpc_arrive_futex(const struct hpc_wire_thread *t)
{
	ktime_t time = le64_to_cpu(t->futex_time);
	struct pt_regs *regs = current_pt_regs();

	if (!t->futex_addr)
		return;
	if (!(le32_to_cpu(t->futex_flags) & FLAGS_CLOCKRT))
		time = timens_ktime_to_host(CLOCK_MONOTONIC, time);
	regs->orig_ax = __NR_futex;
	regs->ax = futex_wait((u32 __user *)le64_to_cpu(t->futex_addr),
			      le32_to_cpu(t->futex_flags),
			      le32_to_cpu(t->futex_val), &time,
			      le32_to_cpu(t->futex_bitset));
	if (hpc_interrupted())
		set_thread_flag(TIF_SIGPENDING);
}

void hpc_arrive(struct hpc_arrival *a)
{
	int i;

	spin_lock_irq(&current->sighand->siglock);
	for (i = 0; i < _NSIG; i++)
		hpc_action_load(&current->sighand->action[i].sa, &a->actions[i]);
	spin_unlock_irq(&current->sighand->siglock);
}

int hpc_arrive_thread(struct hpc_thread_image *image, bool home)
{
	const struct hpc_wire_thread *t = &image->thread;
	struct hpc_regs *r;
	sigset_t blocked;
	int ret;

	list_for_each_entry(r, &image->regs, list) {
		ret = hpc_arch_set(r->note, r->data, r->len);
		if (ret)
			return ret;
	}
	current->sas_ss_sp = le64_to_cpu(t->altstack_sp);
	current->sas_ss_size = le64_to_cpu(t->altstack_size);
	current->sas_ss_flags = le32_to_cpu(t->altstack_flags);
	current->robust_list = (void __user *)le64_to_cpu(t->robust_list);
	current->clear_child_tid = (void __user *)le64_to_cpu(t->clear_child_tid);
	current->rseq = (void __user *)le64_to_cpu(t->rseq);
	current->rseq_len = le32_to_cpu(t->rseq_len);
	current->rseq_sig = le32_to_cpu(t->rseq_sig);
	current->hpc->restart_nr = le32_to_cpu(t->restart_nr);
	/* The CPU number it caches is another machine's. */
	if (current->rseq)
		rseq_set_notify_resume(current);
	/* At home they were booked already, on top of the deputy's own. */
	if (!home)
		hpc_times_set(&(struct hpc_times) {
			.utime	 = le64_to_cpu(t->utime),
			.stime	 = le64_to_cpu(t->stime),
			.runtime = le64_to_cpu(t->runtime),
		});
	blocked.sig[0] = le64_to_cpu(t->blocked);
	set_current_blocked(&blocked);
	/* An interrupted call: made again or ended, as signals have it. */
	if (hpc_interrupted())
		set_thread_flag(TIF_SIGPENDING);
	return 0;
}
