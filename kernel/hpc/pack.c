// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packing: the current task becomes a stream of frames.
 *
 * The task is in the kernel for its own sake, so its memory stands still but
 * for what others do to it (swap, KSM).  Pages are collected in batches under
 * the mmap lock and sent without it; they go out by reference, not by copy.
 */

#include <linux/bvec.h>
#include <linux/buildid.h>
#include <linux/coredump.h>
#include <linux/elf.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/ptrace.h>
#include <linux/rmap.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/userfaultfd_k.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>
#include <asm/unistd.h>

#include "../futex/futex.h"
#include "arch.h"
#include "image.h"
#include "internal.h"
#include "link.h"

/**
 * struct batch - pages found, not yet sent
 * @addr:	of each page
 * @page:	with a reference; NULL: swapped out, to be fetched
 * @bvec:	what of them is sent in one frame
 * @n:		how many
 * @next:	where to go on
 */
struct batch {
	unsigned long	addr[HPC_MAX_RUN];
	struct page	*page[HPC_MAX_RUN];
	struct bio_vec	bvec[HPC_MAX_RUN];
	unsigned int	n;
	unsigned long	next;
};

static int batch_add(pte_t *pte, unsigned long addr, unsigned long next,
		     struct mm_walk *walk)
{
	struct batch *b = walk->private;
	pte_t val = ptep_get(pte);
	struct page *page = NULL;

	if (pte_none(val))
		return 0;
	if (pte_present(val)) {
		page = vm_normal_page(walk->vma, addr, val);
		/* The zero page, or the file's own page: nothing to send. */
		if (!page || !PageAnon(page))
			return 0;
		get_page(page);
	}
	b->addr[b->n] = addr;
	b->page[b->n] = page;
	b->n++;
	b->next = next;
	return b->n == HPC_MAX_RUN;
}

static const struct mm_walk_ops batch_ops = {
	.pte_entry	= batch_add,
	.walk_lock	= PGWALK_RDLOCK,
};

static bool page_is_zero(struct page *page)
{
	void *p = kmap_local_page(page);
	bool zero = !memchr_inv(p, 0, PAGE_SIZE);

	kunmap_local(p);
	return zero;
}

/* Sends pages i..j of the batch, which lie one behind the other. */
static int send_run(struct hpc_link *link, struct batch *b, unsigned int i,
		    unsigned int j)
{
	struct hpc_wire_pages w = {
		.addr	= cpu_to_le64(b->addr[i]),
		.count	= cpu_to_le32(j - i),
	};
	unsigned int k;

	for (k = i; k < j; k++)
		bvec_set_page(&b->bvec[k - i], b->page[k], PAGE_SIZE, 0);
	return hpc_link_send_pages(link, HPC_F_PAGES, &w, sizeof(w), b->bvec,
				   j - i, (j - i) << PAGE_SHIFT);
}

static int batch_send(struct hpc_link *link, struct batch *b,
		      struct hpc_image_stats *stats)
{
	unsigned int i, j;
	int ret = 0;

	for (i = 0; i < b->n; i++) {
		if (!b->page[i])
			b->page[i] = get_dump_page(b->addr[i]);
		if (b->page[i] && page_is_zero(b->page[i])) {
			put_page(b->page[i]);
			b->page[i] = NULL;
			stats->zeroes++;
		}
	}
	for (i = 0; i < b->n && !ret; i = j) {
		j = i + 1;
		if (!b->page[i])
			continue;
		while (j < b->n && b->page[j] &&
		       b->addr[j] == b->addr[j - 1] + PAGE_SIZE)
			j++;
		ret = send_run(link, b, i, j);
		stats->pages += j - i;
	}
	for (i = 0; i < b->n; i++)
		if (b->page[i])
			put_page(b->page[i]);
	b->n = 0;
	return ret;
}

static int pack_pages(struct hpc_link *link, struct hpc_image_stats *stats)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long addr = 0, end;
	struct batch *b;
	int ret = 0;

	b = kvzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	for (;;) {
		if (mmap_read_lock_killable(mm)) {
			ret = -EINTR;
			break;
		}
		/* Only private memory that was written to has such pages. */
		while ((vma = find_vma(mm, addr)) &&
		       (!vma->anon_vma || hpc_vma_is_vdso(vma)))
			addr = vma->vm_end;
		if (!vma) {
			mmap_read_unlock(mm);
			break;
		}
		addr = max(addr, vma->vm_start);
		end = vma->vm_end;
		ret = walk_page_range(mm, addr, end, &batch_ops, b);
		mmap_read_unlock(mm);
		addr = ret > 0 ? b->next : end;
		if (ret >= 0)
			ret = batch_send(link, b, stats);
		if (ret)
			break;
		cond_resched();
	}
	kvfree(b);
	return ret;
}

/* --- the layout of the memory ---------------------------------------------- */

static u32 vma_flags(const struct vm_area_struct *vma)
{
	static const struct {
		vm_flags_t vm;
		u32 wire;
	} map[] = {
		{ VM_READ,		HPC_VMA_READ },
		{ VM_WRITE,		HPC_VMA_WRITE },
		{ VM_EXEC,		HPC_VMA_EXEC },
		{ VM_GROWSDOWN,		HPC_VMA_GROWSDOWN },
		{ VM_NORESERVE,		HPC_VMA_NORESERVE },
		{ VM_DONTCOPY,		HPC_VMA_DONTFORK },
		{ VM_WIPEONFORK,	HPC_VMA_WIPEONFORK },
		{ VM_DONTDUMP,		HPC_VMA_DONTDUMP },
		{ VM_HUGEPAGE,		HPC_VMA_HUGE },
		{ VM_NOHUGEPAGE,	HPC_VMA_NOHUGE },
		{ VM_MERGEABLE,		HPC_VMA_MERGEABLE },
		{ VM_SHARED,		HPC_VMA_SHARED },
	};
	u32 flags = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (vma->vm_flags & map[i].vm)
			flags |= map[i].wire;
	/* A guest's copy of what is shared at home, see unpack.c. */
	if (vma->vm_file && !(vma->vm_flags & VM_MAYWRITE))
		flags |= HPC_VMA_SHARED;
	return flags;
}

static int pack_file(struct hpc_link *link, u32 id, struct file *file)
{
	struct hpc_wire_file w;

	hpc_file_describe(id, file, &w);
	return hpc_link_send(link, HPC_F_FILE, &w, sizeof(w));
}

/*
 * VMAs are written down first and sent without the lock.  Each file is
 * described before the first VMA that maps it.
 */
static int collect_vmas(struct hpc_wire_vma **ret_vmas, struct file ***ret_files,
			unsigned int *ret_n)
{
	struct mm_struct *mm = current->mm;
	struct hpc_wire_vma *w = NULL;
	struct vm_area_struct *vma;
	struct file **files = NULL;
	unsigned int n = 0, max;
	int ret;

	max = READ_ONCE(mm->map_count) + 16;
	if (max > HPC_MAX_VMAS)
		return -EBUSY;
	w = kvcalloc(max, sizeof(*w), GFP_KERNEL);
	files = kvcalloc(max, sizeof(*files), GFP_KERNEL);
	ret = -ENOMEM;
	if (!w || !files)
		goto err_free;

	ret = -EBUSY;
	mmap_read_lock(mm);
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma) {
		if (hpc_vma_is_vdso(vma))
			continue;
		if (n == max)
			goto err_unlock;
		w[n].start = cpu_to_le64(vma->vm_start);
		w[n].end = cpu_to_le64(vma->vm_end);
		w[n].pgoff = cpu_to_le64(vma->vm_pgoff);
		w[n].flags = cpu_to_le32(vma_flags(vma));
		if (vma->vm_file)
			files[n] = get_file(vma->vm_file);
		n++;
	}
	mmap_read_unlock(mm);
	*ret_vmas = w;
	*ret_files = files;
	*ret_n = n;
	return 0;

err_unlock:
	mmap_read_unlock(mm);
	while (n)
		if (files[--n])
			fput(files[n]);
err_free:
	kvfree(w);
	kvfree(files);
	return ret;
}

static int pack_vmas(struct hpc_link *link)
{
	struct hpc_wire_vma *w;
	struct file **files;
	unsigned int n, i;
	int ret;

	ret = collect_vmas(&w, &files, &n);
	if (ret)
		return ret;
	for (i = 0; i < n && !ret; i++) {
		bool is_new = false;
		u32 id = 0;

		if (files[i]) {
			ret = hpc_file_id(files[i], &id, &is_new);
			if (ret)
				break;
		}
		if (is_new)
			ret = pack_file(link, id, files[i]);
		w[i].file = cpu_to_le32(id);
		if (!ret)
			ret = hpc_link_send(link, HPC_F_VMA, &w[i], sizeof(w[i]));
	}
	for (i = 0; i < n; i++)
		if (files[i])
			fput(files[i]);
	kvfree(w);
	kvfree(files);
	return ret;
}

static int pack_mm(struct hpc_link *link)
{
	struct mm_struct *mm = current->mm;
	struct hpc_wire_mm w = {
		.start_code	= cpu_to_le64(mm->start_code),
		.end_code	= cpu_to_le64(mm->end_code),
		.start_data	= cpu_to_le64(mm->start_data),
		.end_data	= cpu_to_le64(mm->end_data),
		.start_brk	= cpu_to_le64(mm->start_brk),
		.brk		= cpu_to_le64(mm->brk),
		.start_stack	= cpu_to_le64(mm->start_stack),
		.arg_start	= cpu_to_le64(mm->arg_start),
		.arg_end	= cpu_to_le64(mm->arg_end),
		.env_start	= cpu_to_le64(mm->env_start),
		.env_end	= cpu_to_le64(mm->env_end),
		.mmap_base	= cpu_to_le64(mm->mmap_base),
		.vdso		= cpu_to_le64((unsigned long)mm->context.vdso),
		.membarrier	= cpu_to_le32(atomic_read(&mm->membarrier_state)),
	};
	u32 flags = 0;

	if (test_bit(MMF_TOPDOWN, &mm->flags))
		flags |= HPC_MM_TOPDOWN;
	if (test_bit(MMF_DISABLE_THP, &mm->flags))
		flags |= HPC_MM_NO_THP;
	w.flags = cpu_to_le32(flags);
	return hpc_link_send(link, HPC_F_MM, &w, sizeof(w));
}

/* --- the process and its thread -------------------------------------------- */

static int pack_head(struct hpc_link *link, unsigned int threads)
{
	struct hpc_wire_head w = {
		.magic		= cpu_to_le32(HPC_WIRE_MAGIC),
		.version	= cpu_to_le16(HPC_WIRE_VERSION),
		.arch		= cpu_to_le16(HPC_WIRE_ARCH_X86_64),
		.threads	= cpu_to_le32(threads),
		.page_shift	= cpu_to_le32(PAGE_SHIFT),
		.xfeatures	= cpu_to_le64(hpc_arch_xfeatures()),
	};

	memcpy(w.build_id, vmlinux_build_id, sizeof(w.build_id));
	return hpc_link_send(link, HPC_F_HEAD, &w, sizeof(w));
}

static int pack_process(struct hpc_link *link)
{
	struct hpc_wire_process w = {
		.pid		= cpu_to_le32(task_tgid_vnr(current)),
		.personality	= cpu_to_le32(current->personality),
		.home		= cpu_to_le32(hpc_self()),
		.uid		= cpu_to_le32(from_kuid_munged(&init_user_ns,
							       current_uid())),
	};
	int i;

	static_assert(ARRAY_SIZE(w.rlim) == RLIM_NLIMITS);

	task_lock(current->group_leader);
	for (i = 0; i < RLIM_NLIMITS; i++) {
		w.rlim[i][0] = cpu_to_le64(current->signal->rlim[i].rlim_cur);
		w.rlim[i][1] = cpu_to_le64(current->signal->rlim[i].rlim_max);
	}
	task_unlock(current->group_leader);
	memcpy(w.boot_id, hpc_boot_id, sizeof(w.boot_id));
	strscpy_pad(w.comm, current->group_leader->comm);
	return hpc_link_send(link, HPC_F_PROCESS, &w, sizeof(w));
}

static int pack_actions(struct hpc_link *link)
{
	struct hpc_wire_action *w;
	int i, ret;

	w = kcalloc(_NSIG, sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	spin_lock_irq(&current->sighand->siglock);
	for (i = 0; i < _NSIG; i++)
		hpc_action_save(&current->sighand->action[i].sa, &w[i]);
	spin_unlock_irq(&current->sighand->siglock);
	ret = hpc_link_send(link, HPC_F_ACTIONS, w, _NSIG * sizeof(*w));
	kfree(w);
	return ret;
}

/* When the wait ends, by the clock that the process sees. */
static u64 futex_time(const struct restart_block *restart)
{
	struct timespec64 ts = ktime_to_timespec64(restart->futex.time);

	if (!(restart->futex.flags & FLAGS_CLOCKRT))
		timens_add_monotonic(&ts);
	return timespec64_to_ktime(ts);
}

static int pack_thread(struct hpc_link *link)
{
	struct hpc_wire_thread w = {
		.tid		= cpu_to_le32(task_pid_vnr(current)),
		.nice		= cpu_to_le32(task_nice(current)),
		.blocked	= cpu_to_le64(current->blocked.sig[0]),
		.altstack_sp	= cpu_to_le64(current->sas_ss_sp),
		.altstack_size	= cpu_to_le64(current->sas_ss_size),
		.altstack_flags	= cpu_to_le32(current->sas_ss_flags),
		.robust_list	= cpu_to_le64((unsigned long)current->robust_list),
		.clear_child_tid = cpu_to_le64((unsigned long)current->clear_child_tid),
		.rseq		= cpu_to_le64((unsigned long)current->rseq),
		.rseq_len	= cpu_to_le32(current->rseq_len),
		.rseq_sig	= cpu_to_le32(current->rseq_sig),
		.restart_nr	= cpu_to_le32(current->hpc->restart_nr),
	};
	struct restart_block *restart = &current->restart_block;
	struct hpc_times t;

	/* Its restart is local to a machine, unlike that of forwarded calls. */
	if (current_pt_regs()->ax == -ERESTART_RESTARTBLOCK &&
	    current->hpc->restart_nr == __NR_futex) {
		w.futex_addr = cpu_to_le64((unsigned long)restart->futex.uaddr);
		w.futex_time = cpu_to_le64(futex_time(restart));
		w.futex_val = cpu_to_le32(restart->futex.val);
		w.futex_flags = cpu_to_le32(restart->futex.flags);
		w.futex_bitset = cpu_to_le32(restart->futex.bitset);
	}
	hpc_times_get(&t);
	/* From here on the other half counts. */
	current->hpc->reported = t;
	w.utime = cpu_to_le64(t.utime);
	w.stime = cpu_to_le64(t.stime);
	w.runtime = cpu_to_le64(t.runtime);
	hpc_clocks_get(w.clocks);
	strscpy_pad(w.comm, current->comm);
	return hpc_link_send(link, HPC_F_THREAD, &w, sizeof(w));
}

static int emit_regs(void *data, u32 note, const void *regs, u32 len)
{
	struct hpc_wire_regs w = { .note = cpu_to_le32(note) };
	struct kvec vec[3] = {
		[1] = { &w, sizeof(w) }, [2] = { (void *)regs, len },
	};

	return hpc_link_send_kvec(data, HPC_F_REGS, vec, 3, sizeof(w) + len);
}

int hpc_pack_thread(struct hpc_link *link)
{
	int ret;

	/* In the middle of a 32-bit call, which is gone on with here only. */
	if (in_ia32_syscall() && hpc_interrupted())
		return -EBUSY;
	ret = pack_thread(link);
	ret = ret ?: hpc_arch_save(emit_regs, link);
	return ret ?: hpc_signals_pack(link, false);
}

int hpc_pack(struct hpc_link *link, unsigned int threads,
	     struct hpc_image_stats *stats)
{
	u64 before = link->sent;
	int ret;

	ret = pack_head(link, threads);
	ret = ret ?: pack_process(link);
	ret = ret ?: pack_mm(link);
	ret = ret ?: pack_vmas(link);
	ret = ret ?: pack_pages(link, stats);
	ret = ret ?: pack_actions(link);
	stats->bytes = link->sent - before;
	return ret;
}
