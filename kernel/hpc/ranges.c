// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the current task that is sent without copying it.
 *
 * The pages may be written to before the network card has read them only by a
 * program that changes a buffer while a system call uses it: the other half
 * answers when it has all of them.
 */

#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"
#include "ranges.h"

int hpc_ranges_grow(struct hpc_ranges *ranges, unsigned int n)
{
	struct hpc_task *hpc = current->hpc;

	if (n <= HPC_FEW_RANGES || ranges->r != ranges->few)
		return 0;
	if (!hpc->ranges)
		hpc->ranges = kvmalloc_array(HPC_MAX_RANGES, sizeof(*ranges->r),
					     GFP_KERNEL_ACCOUNT);
	if (!hpc->ranges)
		return -ENOMEM;
	memcpy(hpc->ranges, ranges->few, sizeof(ranges->few));
	ranges->r = hpc->ranges;
	return 0;
}

static int grow(struct hpc_user_pages *u, unsigned int more)
{
	unsigned int max = u->n + more;
	struct page **pages;
	struct bio_vec *bvec;

	if (max <= u->max)
		return 0;
	pages = kvrealloc(u->pages, max * sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	u->pages = pages;
	bvec = kvrealloc(u->bvec, max * sizeof(*bvec), GFP_KERNEL);
	if (!bvec)
		return -ENOMEM;
	u->bvec = bvec;
	u->max = max;
	return 0;
}

int hpc_user_pages_get(struct hpc_user_pages *u, unsigned long addr,
		       unsigned long len)
{
	unsigned long offset = offset_in_page(addr);
	unsigned int want, i;
	int got, ret;

	if (!len)
		return 0;
	want = DIV_ROUND_UP(offset + len, PAGE_SIZE);
	ret = grow(u, want);
	if (ret)
		return ret;
	addr -= offset;
	while (want) {
		got = get_user_pages_fast(addr, want, 0, u->pages + u->n);
		if (got <= 0)
			return -EFAULT;
		for (i = 0; i < got; i++) {
			unsigned int n = min(len, PAGE_SIZE - offset);

			bvec_set_page(&u->bvec[u->n + i], u->pages[u->n + i], n,
				      offset);
			len -= n;
			offset = 0;
		}
		u->n += got;
		want -= got;
		addr += (unsigned long)got << PAGE_SHIFT;
	}
	return 0;
}

void hpc_user_pages_put(struct hpc_user_pages *u)
{
	unsigned int i;

	for (i = 0; i < u->n; i++)
		put_page(u->pages[i]);
	kvfree(u->pages);
	kvfree(u->bvec);
}
