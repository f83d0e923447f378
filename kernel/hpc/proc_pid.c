// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's files in /proc/PID.
 *
 *   where	node that computes the process, 0 for this one
 *   nmigs	moves so far
 *   cantmove	why it may not move, a word a line; empty: it may
 *   lock	1: it stays where it is; children inherit it
 *   portable	1: whoever started it sees to it that it uses no more of a processor
 *		than every x86-64 PC has, so it may go to any; children inherit it.
 *		Reads 0 of a set-user-ID program, which would not heed that
 *   goto	write a node number or "home": move it there; "balance": to where
 *		the balancer would
 */

#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

/* get_proc_task(): whose file is this? */
#include "../../fs/proc/internal.h"
#include "internal.h"

int hpc_proc_where(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task)
{
	struct hpc_process *hpc = hpc_process(task);

	seq_printf(m, "%u\n", hpc ? READ_ONCE(hpc->where) : 0);
	return 0;
}

int hpc_proc_nmigs(struct seq_file *m, struct pid_namespace *ns,
		   struct pid *pid, struct task_struct *task)
{
	struct hpc_process *hpc = hpc_process(task);

	seq_printf(m, "%u\n", hpc ? READ_ONCE(hpc->nmigs) : 0);
	return 0;
}

int hpc_proc_cantmove(struct seq_file *m, struct pid_namespace *ns,
		      struct pid *pid, struct task_struct *task)
{
	unsigned long why = hpc_cantmove(task);
	unsigned int bit;

	for_each_set_bit(bit, &why, HPC_STAY_COUNT)
		seq_printf(m, "%s\n", hpc_stay_word(bit));
	return 0;
}

/* openMosix's rule: root any process, everybody else his own. */
static bool may_steer(struct task_struct *task)
{
	const struct cred *mine = current_cred(), *its;
	bool may;

	rcu_read_lock();
	its = __task_cred(task);
	may = uid_eq(mine->euid, its->uid) || uid_eq(mine->euid, its->euid) ||
	      uid_eq(mine->uid, its->uid) || uid_eq(mine->uid, its->euid) ||
	      ns_capable(its->user_ns, CAP_KILL);
	rcu_read_unlock();
	return may;
}

static bool is_locked(struct task_struct *task)
{
	struct hpc_process *hpc = hpc_process(task);

	return hpc && READ_ONCE(hpc->locked);
}

static void lock_set(struct hpc_process *hpc, bool on)
{
	WRITE_ONCE(hpc->locked, on);
}

static void portable_set(struct hpc_process *hpc, bool on)
{
	WRITE_ONCE(hpc->portable, on);
}

static int flag_show(struct seq_file *m, bool (*get)(struct task_struct *task))
{
	struct task_struct *task = get_proc_task(m->private);

	if (!task)
		return -ESRCH;
	seq_printf(m, "%d\n", get(task));
	put_task_struct(task);
	return 0;
}

static int flag_set(struct task_struct *task, bool on,
		    void (*set)(struct hpc_process *hpc, bool on))
{
	struct hpc_process *hpc;

	if (!may_steer(task))
		return -EPERM;
	if (!on && !hpc_process(task))
		return 0;
	hpc = hpc_process_get(task);
	if (!hpc)
		return -ENOMEM;
	set(hpc, on);
	return 0;
}

static ssize_t flag_write(struct file *file, const char __user *buf, size_t count,
			  void (*set)(struct hpc_process *hpc, bool on))
{
	struct task_struct *task;
	bool on;
	int ret;

	ret = kstrtobool_from_user(buf, count, &on);
	if (ret)
		return ret;
	task = get_proc_task(file_inode(file));
	if (!task)
		return -ESRCH;
	ret = flag_set(task, on, set);
	put_task_struct(task);
	return ret ?: count;
}

static int lock_show(struct seq_file *m, void *v)
{
	return flag_show(m, is_locked);
}

static ssize_t lock_write(struct file *file, const char __user *buf,
			  size_t count, loff_t *pos)
{
	return flag_write(file, buf, count, lock_set);
}

static int lock_open(struct inode *inode, struct file *file)
{
	return single_open(file, lock_show, inode);
}

static int portable_show(struct seq_file *m, void *v)
{
	return flag_show(m, hpc_process_portable);
}

static ssize_t portable_write(struct file *file, const char __user *buf,
			      size_t count, loff_t *pos)
{
	return flag_write(file, buf, count, portable_set);
}

static int portable_open(struct inode *inode, struct file *file)
{
	return single_open(file, portable_show, inode);
}

const struct file_operations hpc_proc_lock_operations = {
	.open		= lock_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.write		= lock_write,
	.release	= single_release,
};

const struct file_operations hpc_proc_portable_operations = {
	.open		= portable_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.write		= portable_write,
	.release	= single_release,
};

/*
 * "home" is ours to do.  A node has to be connected to first: whoever does that
 * reads the wish as an event, in which node 0 stands for "balance".
 */
#define BALANCE	U32_MAX

static int goto_set(struct task_struct *task, u32 node)
{
	if (!may_steer(task))
		return -EPERM;
	if (!node || node == hpc_self()) {
		/* At home already is no error: that is what was wanted. */
		return hpc_role(task) == HPC_HOME ? 0 : hpc_bring(task);
	}
	if (hpc_role(task) == HPC_HOME && hpc_cantmove(task))
		return -EBUSY;
	hpc_event(HPC_EVENT_GOTO, task_tgid_nr(task),
		  node == BALANCE ? 0 : node, 0);
	return 0;
}

static int goto_parse(char *text, u32 *node)
{
	struct hpc_node known;
	int ret;

	text = strim(text);
	*node = 0;
	if (!strcmp(text, "home"))
		return 0;
	if (!strcmp(text, "balance") || !strcmp(text, "-1")) {
		*node = BALANCE;
		return 0;
	}
	ret = kstrtou32(text, 10, node);
	if (ret)
		return -EINVAL;
	if (*node > HPC_NODE_MAX)
		return -ERANGE;
	return *node ? hpc_node_get(*node, &known) : 0;
}

static ssize_t goto_write(struct file *file, const char __user *buf,
			  size_t count, loff_t *pos)
{
	struct task_struct *task;
	char text[16] = {};
	u32 node;
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	ret = goto_parse(text, &node);
	if (ret)
		return ret;
	task = get_proc_task(file_inode(file));
	if (!task)
		return -ESRCH;
	ret = goto_set(task, node);
	put_task_struct(task);
	return ret ?: count;
}

const struct file_operations hpc_proc_goto_operations = {
	.open		= nonseekable_open,
	.write		= goto_write,
};
