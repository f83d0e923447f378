/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Named points at which a test makes a move fail: see fault.c.
 */
#ifndef _HPC_FAULT_H
#define _HPC_FAULT_H

#include <linux/compiler.h>

struct hpc_link;

enum hpc_fault_point {
	HPC_FAULT_NONE,
	HPC_FAULT_BEFORE_PACK,
	HPC_FAULT_AFTER_PACK,
	HPC_FAULT_BEFORE_GO,
	HPC_FAULT_AFTER_GO,
	HPC_FAULT_BEFORE_READY,
	HPC_FAULT_AFTER_READY,
	HPC_FAULT_GUEST_RUNS,
	HPC_FAULT_COUNT
};

extern unsigned int hpc_fault_armed;

int __hpc_fault(struct hpc_link *link);

/* 0, or the error that a test wants to see here. */
static inline int hpc_fault(enum hpc_fault_point point, struct hpc_link *link)
{
	return unlikely(READ_ONCE(hpc_fault_armed) == point) ? __hpc_fault(link) : 0;
}

void hpc_fault_init(void);

#endif /* _HPC_FAULT_H */
