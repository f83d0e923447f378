// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on demand.  Write the name of a point to hpc/fault in debugfs: the next
 * move that passes it loses its link there, once.  Reading shows what is armed.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "fault.h"
#include "link.h"

static const char * const names[] = {
	[HPC_FAULT_NONE]	 = "none",
	[HPC_FAULT_BEFORE_PACK]	 = "before_pack",
	[HPC_FAULT_AFTER_PACK]	 = "after_pack",
	[HPC_FAULT_BEFORE_GO]	 = "before_go",
	[HPC_FAULT_AFTER_GO]	 = "after_go",
	[HPC_FAULT_BEFORE_READY] = "before_ready",
	[HPC_FAULT_AFTER_READY]	 = "after_ready",
	[HPC_FAULT_GUEST_RUNS]	 = "guest_runs",
};

static_assert(ARRAY_SIZE(names) == HPC_FAULT_COUNT);

unsigned int hpc_fault_armed;

int __hpc_fault(struct hpc_link *link)
{
	/* Whoever comes second has not been asked for. */
	if (!xchg(&hpc_fault_armed, HPC_FAULT_NONE))
		return 0;
	hpc_link_shutdown(link);
	return -ECONNRESET;
}

static int fault_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", names[READ_ONCE(hpc_fault_armed)]);
	return 0;
}

static int fault_open(struct inode *inode, struct file *file)
{
	return single_open(file, fault_show, NULL);
}

static ssize_t fault_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *pos)
{
	char name[32] = {};
	int i;

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, count))
		return -EFAULT;
	i = match_string(names, ARRAY_SIZE(names), strim(name));
	if (i < 0)
		return i;
	WRITE_ONCE(hpc_fault_armed, i);
	return count;
}

static const struct file_operations fault_fops = {
	.open		= fault_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.write		= fault_write,
	.release	= single_release,
};

void __init hpc_fault_init(void)
{
	debugfs_create_file("fault", 0600, debugfs_create_dir("hpc", NULL), NULL,
			    &fault_fops);
}
