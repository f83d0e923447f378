// SPDX-License-Identifier: GPL-2.0-only
/*
 * The migration engine's start: which part needs which other to be there.
 */

#define pr_fmt(fmt) "hpc: " fmt

#include <linux/init.h>
#include <linux/printk.h>
#include <linux/random.h>

#include "fault.h"
#include "internal.h"

u8 hpc_boot_id[16] __ro_after_init;

static int __init hpc_init(void)
{
	int ret;

	get_random_bytes(hpc_boot_id, sizeof(hpc_boot_id));
	/* The node table shows itself in /proc/hpc, and /dev/hpc writes it. */
	ret = hpc_pager_init();
	ret = ret ?: hpc_family_init();
	ret = ret ?: hpc_proc_init();
	ret = ret ?: hpc_control_init();
	hpc_fault_init();
	if (ret)
		pr_err("could not start (error %d): no process will move\n", ret);
	else
		pr_info("migration engine ready, interface version %d\n",
			HPC_ABI_VERSION);
	return ret;
}
late_initcall(hpc_init);
