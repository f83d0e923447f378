/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an architecture does for the engine: see arch/x86/kernel/hpc.c.
 */
#ifndef _HPC_ARCH_H
#define _HPC_ARCH_H

#include <linux/errno.h>
#include <linux/types.h>

/* Is @ax what an interrupted system call leaves for the kernel to decide on? */
static inline bool hpc_interrupted_by(long ax)
{
	return ax == -ERESTARTSYS || ax == -ERESTARTNOINTR ||
	       ax == -ERESTARTNOHAND || ax == -ERESTART_RESTARTBLOCK;
}

/* Takes one register set; what it returns ends hpc_arch_save() unless 0. */
typedef int (*hpc_arch_emit_t)(void *data, u32 note, const void *regs, u32 len);

/* Hands all registers of the current thread, as user mode has them, to @emit. */
int hpc_arch_save(hpc_arch_emit_t emit, void *data);

/*
 * Makes one register set that of the current thread.  -EINVAL: malformed or not
 * a user's; -EOPNOTSUPP: this processor lacks what it needs.
 */
int hpc_arch_set(u32 note, const void *data, u32 len);

/* Would hpc_arch_set() take it?  Asked before there is no way back. */
int hpc_arch_check(u32 note, const void *data, u32 len);

/* How many hpc_arch_save() makes, each with a note of its own. */
#define HPC_ARCH_REGSETS	2

/* Register state the current thread may hold, as in XCR0. */
u64 hpc_arch_xfeatures(void);

#endif /* _HPC_ARCH_H */
