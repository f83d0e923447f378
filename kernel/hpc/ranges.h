/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that goes with a system call, as both halves see it.
 */
#ifndef _HPC_RANGES_H
#define _HPC_RANGES_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "wire.h"

struct bio_vec;
struct page;

#define HPC_FEW_RANGES		6

/**
 * struct hpc_ranges - of one call
 * @n:	how many
 * @in:	bytes of all IN ranges together
 * @r:	the ranges, as they travel: @few or hpc_task.ranges
 * @few:	nearly all calls have no more than that
 */
struct hpc_ranges {
	unsigned int		n;
	u64			in;
	struct hpc_wire_range	*r;
	struct hpc_wire_range	few[HPC_FEW_RANGES];
};

static inline void hpc_ranges_init(struct hpc_ranges *ranges)
{
	ranges->n = 0;
	ranges->in = 0;
	ranges->r = ranges->few;
}

/*
 * Makes room for @n ranges, in a buffer that the current thread keeps: a deputy
 * may end in the middle of a call.  -ENOMEM.
 */
int hpc_ranges_grow(struct hpc_ranges *ranges, unsigned int n);

/* What a result says of the length of RET ranges. */
static inline u64 hpc_ret_bytes(long ret)
{
	return max(ret, 0L);
}

/*
 * Bytes of @r that come back with result @ret.  @left begins as hpc_ret_bytes()
 * and goes through all ranges of the call in their order.
 */
static inline u32 hpc_range_out(const struct hpc_wire_range *r, long ret,
				u64 *left)
{
	u32 kind = le32_to_cpu(r->kind), len = le32_to_cpu(r->len);

	if (!(kind & HPC_RANGE_OUT))
		return 0;
	if (ret < 0 && ret >= -MAX_ERRNO && !(kind & HPC_RANGE_ALWAYS))
		return 0;
	if (kind & HPC_RANGE_RET) {
		len = min_t(u64, len, *left);
		*left -= len;
	}
	return len;
}

/**
 * struct hpc_user_pages - memory of the current task, to be sent by reference
 * @pages:	with a reference each
 * @bvec:	what of each page is meant
 * @max:	room in both
 * @n:		how many
 */
struct hpc_user_pages {
	struct page	**pages;
	struct bio_vec	*bvec;
	unsigned int	max;
	unsigned int	n;
};

/* Appends @len bytes at @addr.  -EFAULT, -ENOMEM; put it also on failure. */
int hpc_user_pages_get(struct hpc_user_pages *u, unsigned long addr,
		       unsigned long len);
void hpc_user_pages_put(struct hpc_user_pages *u);

#endif /* _HPC_RANGES_H */
