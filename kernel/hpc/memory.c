// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address space of the current task: exchanging it, and the shadow that a
 * deputy is left with.
 *
 * A system call takes user addresses only, so a deputy needs memory at the
 * addresses its guest names.  That is the shadow.  It keeps the mappings of
 * files and the page with the arguments, as ps and /proc show them; the rest is
 * anonymous pages that come into being when a call names them.  What they hold
 * means nothing between two calls.
 */

#include <linux/binfmts.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/rseq.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/prctl.h>
#include <asm/proto.h>
#include <asm/fsgsbase.h>
#include <asm/vdso.h>

#include "internal.h"

int hpc_mm_switch(struct mm_struct *mm)
{
	unsigned long fs = x86_fsbase_read_task(current);
	unsigned long gs = x86_gsbase_read_task(current);
	int ret;

	/* The kernel writes through these: never into another's memory. */
	current->robust_list = NULL;
	current->clear_child_tid = NULL;
	rseq_execve(current);

	ret = hpc_exec_mmap(mm);
	if (ret)
		return ret;
	/* exec would go on to hold this; the memory is all we exchange. */
	up_write(&current->signal->exec_update_lock);
	do_arch_prctl_64(current, ARCH_SET_FS, fs);
	do_arch_prctl_64(current, ARCH_SET_GS, gs);
	return 0;
}

bool hpc_vma_is_vdso(struct vm_area_struct *vma)
{
	const struct vdso_image *image = vma->vm_mm->context.vdso_image;
	unsigned long code = (unsigned long)vma->vm_mm->context.vdso;

	/* Its data lie in front of its code: the offset is negative. */
	return image && vma->vm_start >= code + image->sym_vvar_start &&
	       vma->vm_end <= code + image->size;
}

static bool has_arguments(unsigned long start, unsigned long end)
{
	struct mm_struct *mm = current->mm;

	return start < mm->env_end && end > mm->arg_start;
}

/* What is to be done with one mapping when its owner leaves. */
static int shadow_begin_one(unsigned long start, unsigned long end, bool file)
{
	struct mm_struct *mm = current->mm;
	unsigned long keep_from, keep_to;

	if (file)
		return do_madvise(mm, start, end - start, MADV_DONTNEED);
	if (!has_arguments(start, end))
		return vm_munmap(start, end - start);
	keep_from = max(start, PAGE_ALIGN_DOWN(mm->arg_start));
	keep_to = min(end, PAGE_ALIGN(mm->env_end));
	if (start < keep_from)
		do_madvise(mm, start, keep_from - start, MADV_DONTNEED);
	if (keep_to < end)
		do_madvise(mm, keep_to, end - keep_to, MADV_DONTNEED);
	return 0;
}

int hpc_shadow_begin(void)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned long addr = 0, start, end;
	bool file;

	for (;;) {
		mmap_read_lock(mm);
		while ((vma = find_vma(mm, addr)) && hpc_vma_is_vdso(vma))
			addr = vma->vm_end;
		if (vma) {
			start = vma->vm_start;
			end = vma->vm_end;
			file = vma->vm_file;
		}
		mmap_read_unlock(mm);
		if (!vma)
			return 0;
		/* What could not be dropped only costs memory. */
		shadow_begin_one(start, end, file);
		addr = end;
	}
}

static int map_anonymous(unsigned long start, unsigned long end, unsigned long how)
{
	unsigned long ret;

	ret = vm_mmap(NULL, start, end - start, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, 0);
	return IS_ERR_VALUE(ret) ? (int)ret : 0;
}

int hpc_shadow_prepare(unsigned long addr, unsigned long len)
{
	unsigned long end = PAGE_ALIGN(addr + len), start, stop, how;
	struct mm_struct *mm = current->mm;
	const vm_flags_t rw = VM_READ | VM_WRITE;
	struct vm_area_struct *vma;
	int ret;

	for (addr = PAGE_ALIGN_DOWN(addr); addr < end; addr = stop) {
		mmap_read_lock(mm);
		vma = find_vma(mm, addr);
		start = addr;
		if (!vma || vma->vm_start > addr) {
			how = MAP_FIXED_NOREPLACE;
			stop = vma ? min(end, vma->vm_start) : end;
		} else {
			how = MAP_FIXED;
			stop = min(end, vma->vm_end);
			/* Good as it is: private, to be written and read. */
			if ((vma->vm_flags & (rw | VM_SHARED)) == rw)
				start = stop;
		}
		mmap_read_unlock(mm);
		if (start == stop)
			continue;
		ret = map_anonymous(start, stop, how);
		if (ret)
			return ret;
	}
	return 0;
}

void hpc_shadow_drop(unsigned long addr, unsigned long len)
{
	unsigned long start = PAGE_ALIGN(addr);
	unsigned long end = PAGE_ALIGN_DOWN(addr + len);

	if (start < end && !has_arguments(start, end))
		do_madvise(current->mm, start, end - start, MADV_DONTNEED);
}
