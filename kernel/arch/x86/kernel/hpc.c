// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the running thread, for the migration engine.
 *
 * Reading uses the regsets of core dumps.  Writing cannot: they are made for a
 * stopped task, and the one that becomes somebody else here is current.
 *
 * The extended state travels component by component, as the layout of an XSAVE
 * area differs between makes of processor:
 *
 *	legacy area (512)  xfeatures (8)  { number (4) size (4) bytes }*
 *
 * What is as it is at the start of a program stays behind: a processor that does
 * not have it does as well.
 *
 * A processor without XSAVE has the legacy area and x87 + SSE in xfeatures.
 */

#include <linux/elf.h>
#include <linux/regset.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/sched.h>
#include <asm/fpu/signal.h>
#include <asm/fpu/types.h>
#include <asm/pkru.h>
#include <asm/prctl.h>
#include <asm/proto.h>
#include <asm/sighandling.h>

#include "../../../kernel/hpc/arch.h"
#include "fpu/internal.h"
#include "fpu/legacy.h"
#include "fpu/xstate.h"

#define LEGACY_SIZE	sizeof(struct fxregs_state)
#define FPU_HEAD	(LEGACY_SIZE + sizeof(u64))

static const struct user_regset *find_regset(u32 note)
{
	const struct user_regset_view *view = task_user_regset_view(current);
	unsigned int i;

	for (i = 0; i < view->n; i++)
		if (view->regsets[i].core_note_type == note)
			return &view->regsets[i];
	return NULL;
}

/* Where this processor keeps component @i of the standard format. */
static void component(unsigned int i, u32 *size, u32 *offset)
{
	u32 ecx, edx;

	cpuid_count(XSTATE_CPUID, i, size, offset, &ecx, &edx);
}

u64 hpc_arch_xfeatures(void)
{
	if (!cpu_feature_enabled(X86_FEATURE_XSAVE))
		return XFEATURE_MASK_FPSSE;
	return current->thread.fpu.fpstate->user_xfeatures;
}

/* --- saving ---------------------------------------------------------------- */

static int save_general(hpc_arch_emit_t emit, void *data)
{
	const struct user_regset *set = find_regset(NT_PRSTATUS);
	void *regs;
	int len, ret;

	len = regset_get_alloc(current, set, set->n * set->size, &regs);
	if (len < 0)
		return len;
	ret = emit(data, NT_PRSTATUS, regs, len);
	kfree(regs);
	return ret;
}

/* All zero; but for PKRU, of which that is the most a thread may have. */
static bool is_initial(unsigned int i, const u8 *state, u32 size)
{
	if (i == XFEATURE_PKRU)
		return get_unaligned((u32 *)state) == pkru_get_init_value();
	return !memchr_inv(state, 0, size);
}

static u8 *pack_xstate(const u8 *area, u32 area_size, u32 *ret_len)
{
	u64 features = get_unaligned((u64 *)(area + LEGACY_SIZE));
	u32 size, offset;
	unsigned int i;
	u8 *out, *p;

	out = kvzalloc(FPU_HEAD + area_size + XFEATURE_MAX * 8, GFP_KERNEL);
	if (!out)
		return NULL;
	memcpy(out, area, LEGACY_SIZE);
	p = out + FPU_HEAD;
	for (i = FIRST_EXTENDED_XFEATURE; i < XFEATURE_MAX; i++) {
		if (!(features & BIT_ULL(i)))
			continue;
		component(i, &size, &offset);
		if (offset + size > area_size ||
		    is_initial(i, area + offset, size)) {
			features &= ~BIT_ULL(i);
			continue;
		}
		put_unaligned_le32(i, p);
		put_unaligned_le32(size, p + 4);
		memcpy(p + 8, area + offset, size);
		p += 8 + size;
	}
	/* MXCSR goes by these, whoever else used it. */
	put_unaligned_le64(features | XFEATURE_MASK_FPSSE, out + LEGACY_SIZE);
	*ret_len = p - out;
	return out;
}

static int save_fpu(hpc_arch_emit_t emit, void *data)
{
	bool xsave = cpu_feature_enabled(X86_FEATURE_XSAVE);
	const struct user_regset *set;
	void *area;
	u32 len;
	u8 *out;
	int ret;

	set = find_regset(xsave ? NT_X86_XSTATE : NT_PRFPREG);
	ret = regset_get_alloc(current, set, set->n * set->size, &area);
	if (ret < 0)
		return ret;
	if (xsave) {
		out = pack_xstate(area, ret, &len);
	} else {
		len = FPU_HEAD;
		out = kvzalloc(len, GFP_KERNEL);
		if (out) {
			memcpy(out, area, LEGACY_SIZE);
			put_unaligned_le64(XFEATURE_MASK_FPSSE, out + LEGACY_SIZE);
		}
	}
	kfree(area);
	if (!out)
		return -ENOMEM;
	ret = emit(data, NT_X86_XSTATE, out, len);
	kvfree(out);
	return ret;
}

int hpc_arch_save(hpc_arch_emit_t emit, void *data)
{
	int ret = save_general(emit, data);

	return ret ?: save_fpu(emit, data);
}

/* --- setting --------------------------------------------------------------- */

static int check_general(const struct user_regs_struct *u, u32 len)
{
	if (len != sizeof(*u) || u->cs != __USER_CS || u->ss != __USER_DS ||
	    u->fs_base >= TASK_SIZE_MAX || u->gs_base >= TASK_SIZE_MAX)
		return -EINVAL;
	return 0;
}

static int set_general(const struct user_regs_struct *u, u32 len)
{
	struct pt_regs *regs = current_pt_regs();
	int ret;

	if (check_general(u, len))
		return -EINVAL;
	ret = do_arch_prctl_64(current, ARCH_SET_FS, u->fs_base);
	ret = ret ?: do_arch_prctl_64(current, ARCH_SET_GS, u->gs_base);
	if (ret)
		return -EINVAL;

	regs->r15 = u->r15;
	regs->r14 = u->r14;
	regs->r13 = u->r13;
	regs->r12 = u->r12;
	regs->bp = u->bp;
	regs->bx = u->bx;
	regs->r11 = u->r11;
	regs->r10 = u->r10;
	regs->r9 = u->r9;
	regs->r8 = u->r8;
	regs->ax = u->ax;
	regs->cx = u->cx;
	regs->dx = u->dx;
	regs->si = u->si;
	regs->di = u->di;
	regs->ip = u->ip;
	regs->sp = u->sp;
	regs->flags = (regs->flags & ~FIX_EFLAGS) | (u->flags & FIX_EFLAGS);
	/* In a call that was interrupted, to be decided on; otherwise in none. */
	regs->orig_ax = -1;
	if ((long)u->orig_ax >= 0 && hpc_interrupted_by(u->ax))
		regs->orig_ax = u->orig_ax;
	return 0;
}

static bool mxcsr_fits(const u8 *in)
{
	const u8 *mxcsr = in + offsetof(struct fxregs_state, mxcsr);

	return !(get_unaligned_le32(mxcsr) & ~mxcsr_feature_mask);
}

/* Back to one area in this processor's layout.  NULL and *@error on failure. */
static u8 *unpack_xstate(const u8 *in, u32 len, int *error)
{
	u64 features = get_unaligned_le64(in + LEGACY_SIZE);
	u32 room = fpu_user_cfg.max_size, size, offset, i, n;
	const u8 *p = in + FPU_HEAD, *end = in + len;
	u8 *area;

	*error = -EOPNOTSUPP;
	if (features & ~hpc_arch_xfeatures() || !mxcsr_fits(in))
		return NULL;
	*error = -ENOMEM;
	area = kvzalloc(room, GFP_KERNEL);
	if (!area)
		return NULL;
	memcpy(area, in, LEGACY_SIZE);
	put_unaligned(features, (u64 *)(area + LEGACY_SIZE));
	*error = -EINVAL;
	while (p < end) {
		if (end - p < 8)
			goto err;
		i = get_unaligned_le32(p);
		n = get_unaligned_le32(p + 4);
		p += 8;
		if (i < FIRST_EXTENDED_XFEATURE || i >= XFEATURE_MAX ||
		    !(features & BIT_ULL(i)))
			goto err;
		component(i, &size, &offset);
		if (n != size || n > end - p || offset + size > room)
			goto err;
		memcpy(area + offset, p, n);
		p += n;
	}
	*error = 0;
	return area;
err:
	kvfree(area);
	return NULL;
}

static int set_fpu(const u8 *in, u32 len)
{
	struct fpu *fpu = &current->thread.fpu;
	u8 *area = NULL;
	u32 pkru = 0;
	int ret = 0;

	if (len < FPU_HEAD)
		return -EINVAL;
	if (cpu_feature_enabled(X86_FEATURE_XSAVE)) {
		area = unpack_xstate(in, len, &ret);
		if (!area)
			return ret;
	} else if (get_unaligned_le64(in + LEGACY_SIZE) & ~XFEATURE_MASK_FPSSE) {
		return -EOPNOTSUPP;
	}

	/*
	 * From here to the return to user mode the registers are what memory
	 * says: without the flag a context switch would save over it.
	 */
	fpregs_lock();
	set_thread_flag(TIF_NEED_FPU_LOAD);
	fpu->last_cpu = -1;
	if (area) {
		ret = copy_uabi_from_kernel_to_xstate(fpu->fpstate, area, &pkru);
	} else {
		memcpy(&fpu->fpstate->regs.fxsave, in, LEGACY_SIZE);
		fpu->fpstate->regs.fxsave.mxcsr &= mxcsr_feature_mask;
	}
	fpregs_unlock();
	if (!(get_unaligned_le64(in + LEGACY_SIZE) & XFEATURE_MASK_PKRU))
		pkru = pkru_get_init_value();
	if (!ret && area && cpu_feature_enabled(X86_FEATURE_OSPKE))
		write_pkru(pkru);
	kvfree(area);
	return ret;
}

static int check_fpu(const u8 *in, u32 len)
{
	int error = 0;

	if (len < FPU_HEAD)
		return -EINVAL;
	if (cpu_feature_enabled(X86_FEATURE_XSAVE))
		kvfree(unpack_xstate(in, len, &error));
	else if (get_unaligned_le64(in + LEGACY_SIZE) & ~XFEATURE_MASK_FPSSE)
		error = -EOPNOTSUPP;
	return error;
}

int hpc_arch_check(u32 note, const void *data, u32 len)
{
	switch (note) {
	case NT_PRSTATUS:
		return check_general(data, len);
	case NT_X86_XSTATE:
		return check_fpu(data, len);
	default:
		return -EINVAL;
	}
}

int hpc_arch_set(u32 note, const void *data, u32 len)
{
	switch (note) {
	case NT_PRSTATUS:
		return set_general(data, len);
	case NT_X86_XSTATE:
		return set_fpu(data, len);
	default:
		return -EINVAL;
	}
}
