// SPDX-License-Identifier: GPL-2.0-only
/*
 * What keeps a process at home.  Each reason is one bit and one word; the words
 * that openMosix had keep its spelling.
 */

#include <linux/hugetlb.h>
#include <linux/io_uring.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"

static const char * const words[] = {
	[HPC_STAY_SYSTEM]	= "system",
	[HPC_STAY_USER_LOCK]	= "user_lock",
	[HPC_STAY_TRACED]	= "traced",
	[HPC_STAY_RT_SCHED]	= "rt_sched",
	[HPC_STAY_SECCOMP]	= "seccomp",
	[HPC_STAY_PRIV_INST]	= "priv_inst",
	[HPC_STAY_IO_URING]	= "io_uring",
	[HPC_STAY_AIO]		= "aio",
	[HPC_STAY_THREADS]	= "threads",
	[HPC_STAY_CLONE_VM]	= "clone_vm",
	[HPC_STAY_SHARED_MEM]	= "shared_mem",
	[HPC_STAY_MMAP_DEV]	= "mmap_dev",
	[HPC_STAY_MEM_LOCK]	= "mem_lock",
	[HPC_STAY_HUGETLB]	= "hugetlb",
	[HPC_STAY_USERFAULTFD]	= "userfaultfd",
	[HPC_STAY_I386]		= "i386",
};

static_assert(ARRAY_SIZE(words) == HPC_STAY_COUNT);

const char *hpc_stay_word(enum hpc_stay reason)
{
	return words[reason];
}

static unsigned long stay_of_vma(struct vm_area_struct *vma)
{
	unsigned long why = 0;

	if (is_vm_hugetlb_page(vma))
		why |= BIT(HPC_STAY_HUGETLB);
	if (vma->vm_flags & VM_LOCKED)
		why |= BIT(HPC_STAY_MEM_LOCK);
	if (userfaultfd_armed(vma))
		why |= BIT(HPC_STAY_USERFAULTFD);
	if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP)) {
		if (!hpc_vma_is_vdso(vma))
			why |= BIT(HPC_STAY_MMAP_DEV);
	} else if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) ==
		   (VM_SHARED | VM_MAYWRITE)) {
		why |= BIT(HPC_STAY_SHARED_MEM);
	}
	return why;
}

static unsigned long stay_of_mm(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	unsigned long why = 0;

	mmap_read_lock(mm);
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma)
		why |= stay_of_vma(vma);
	mmap_read_unlock(mm);
#ifdef CONFIG_AIO
	rcu_read_lock();
	if (rcu_access_pointer(mm->ioctx_table))
		why |= BIT(HPC_STAY_AIO);
	rcu_read_unlock();
#endif
	return why;
}

/* What one thread alone can say against a move. */
static unsigned long stay_of_thread(struct task_struct *t)
{
	unsigned long why = 0;

	/* A debugger's break points stay behind when it goes. */
	if (READ_ONCE(t->ptrace) || t->thread.ptrace_dr7)
		why |= BIT(HPC_STAY_TRACED);
	if (rt_or_dl_task_policy(t))
		why |= BIT(HPC_STAY_RT_SCHED);
#ifdef CONFIG_SECCOMP
	if (READ_ONCE(t->seccomp.mode))
		why |= BIT(HPC_STAY_SECCOMP);
#endif
#ifdef CONFIG_IO_URING
	if (READ_ONCE(t->io_uring))
		why |= BIT(HPC_STAY_IO_URING);
#endif
	if (test_tsk_thread_flag(t, TIF_ADDR32))
		why |= BIT(HPC_STAY_I386);
	if (t->thread.io_bitmap || t->thread.iopl_emul)
		why |= BIT(HPC_STAY_PRIV_INST);
	return why;
}

/*
 * Does another process have this memory, a vfork() parent for one?  Who only
 * looks at it (/proc, ps) holds a reference for a moment, too.
 */
static bool mm_is_shared(struct task_struct *task, struct mm_struct *mm)
{
	struct task_struct *p;
	bool shared = false;

	/* Our own reference is one. */
	if (atomic_read(&mm->mm_users) <= get_nr_threads(task) + 1)
		return false;
	rcu_read_lock();
	for_each_process(p) {
		if (same_thread_group(p, task) || (p->flags & PF_KTHREAD))
			continue;
		shared = process_shares_mm(p, mm);
		if (shared)
			break;
	}
	rcu_read_unlock();
	return shared;
}

unsigned long hpc_cantmove(struct task_struct *task)
{
	struct hpc_process *hpc = hpc_process(task);
	struct task_struct *t;
	struct mm_struct *mm;
	unsigned long why = 0;

	if ((task->flags & PF_KTHREAD) || is_global_init(task))
		return BIT(HPC_STAY_SYSTEM);
	if (hpc && READ_ONCE(hpc->locked))
		why |= BIT(HPC_STAY_USER_LOCK);
	if (hpc && atomic_read(&hpc->tracers))
		why |= BIT(HPC_STAY_TRACED);

	rcu_read_lock();
	for_each_thread(task, t)
		why |= stay_of_thread(t);
	rcu_read_unlock();

	if (task->group_leader->flags & PF_EXITING && get_nr_threads(task) > 1)
		why |= BIT(HPC_STAY_THREADS);

	mm = get_task_mm(task);
	if (!mm)
		return why;
	if (mm_is_shared(task, mm))
		why |= BIT(HPC_STAY_CLONE_VM);
	why |= stay_of_mm(mm);
	mmput(mm);
	return why;
}
