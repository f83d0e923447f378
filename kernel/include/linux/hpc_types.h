/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What <linux/sched.h> and friends need to know of the migration engine:
 * two opaque structures, each behind one pointer, so that the engine can grow
 * without the rest of the kernel being compiled again.
 */
#ifndef _LINUX_HPC_TYPES_H
#define _LINUX_HPC_TYPES_H

struct hpc_task;	/* task_struct::hpc, NULL for threads that never moved */
struct hpc_process;	/* signal_struct::hpc, NULL for untouched processes */

#endif /* _LINUX_HPC_TYPES_H */
