// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults on demand.  Write the name of a point to hpc/fault in debugfs: the next
 * move that passes it loses its link there, once.  "pause" and a name: it stands
 * still there, until something is written again or it is killed, so that a test
 * can do harm at that moment.  Reading shows what is armed, or who is "held".
 */

#include <linux/debugfs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

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

static DECLARE_WAIT_QUEUE_HEAD(released);
static unsigned int held;
static bool pausing;

static int stand_still(unsigned int point)
{
	WRITE_ONCE(held, point);
	wait_event_killable(released, !READ_ONCE(held));
	WRITE_ONCE(held, HPC_FAULT_NONE);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

int __hpc_fault(struct hpc_link *link)
{
	unsigned int point = xchg(&hpc_fault_armed, HPC_FAULT_NONE);

	/* Whoever comes second has not been asked for. */
	if (!point)
		return 0;
	if (READ_ONCE(pausing))
		return stand_still(point);
	hpc_link_shutdown(link);
	return -ECONNRESET;
}

static int fault_show(struct seq_file *m, void *v)
{
	unsigned int now = READ_ONCE(held), armed = READ_ONCE(hpc_fault_armed);

	if (now)
		seq_printf(m, "held %s\n", names[now]);
	else
		seq_printf(m, "%s%s\n", armed && READ_ONCE(pausing) ? "pause " : "",
			   names[armed]);
	return 0;
}

static int fault_open(struct inode *inode, struct file *file)
{
	return single_open(file, fault_show, NULL);
}

static ssize_t fault_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *pos)
{
	char name[32] = {}, *word;
	bool pause;
	int i;

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, count))
		return -EFAULT;
	word = strim(name);
	pause = str_has_prefix(word, "pause ");
	i = match_string(names, ARRAY_SIZE(names), pause ? word + 6 : word);
	if (i < 0)
		return i;
	WRITE_ONCE(pausing, pause);
	WRITE_ONCE(hpc_fault_armed, i);
	WRITE_ONCE(held, HPC_FAULT_NONE);
	wake_up_all(&released);
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
