// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people may switch and declare.  The kernel keeps it and does what it can
 * do alone; whoever balances the load reads the rest.
 *
 *   /proc/hpc/admin/	whole node; writing needs CAP_SYS_ADMIN, whatever the mode
 *     mospe		own node number; 0 leaves the cluster
 *     speed		of one processor, 10000 = a 1 GHz Pentium III
 *     version		of the interface and of the kernel
 *     stay		1: nothing leaves by itself, neither own processes nor guests
 *     lstay		1: own processes do not leave by themselves
 *     block		1: no guest is taken in
 *     quiet		1: the others are told no load figures any more
 *     bring		1: all own processes come home, and lstay; reads 1 until they are
 *     expel		1: all guests go home, and block; reads 1 until they are gone
 *     decayinterval	seconds after which old statistics count for less
 *     slowdecay	what is kept of them then, in 1/1000, with slow decay
 *     fastdecay	and with fast decay
 *
 *   /proc/hpc/decay/	of the process that reads or writes; inherited by children
 *     cpujob		1: it computes, whatever it seems to do
 *     iojob		1: it belongs to its files and devices, at home
 *     none		1: its statistics do not decay
 *     slow, fast	1: they decay slowly, or fast
 *     own		"SECONDS KEPT": they decay so
 *     clear		1: none of the above, and what was observed is forgotten
 *
 *   /proc/hpc/info	numbers of this node, a word and a number a line
 */

#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>
#include <kunit/visibility.h>

#include "internal.h"

/* Each is read and written as a whole, and depends on no other: no lock. */
static u32 stay, lstay, block, quiet, bringing, expelling;
/* For machines whose processes are not to move but by order, from the start. */
core_param(hpc_stay, stay, uint, 0);
static u32 decay_interval = 1;
static u32 slow_decay = 975;
static u32 fast_decay = 926;

/* Events since the machine was booted, by HPC_EVENT_*. */
static atomic_long_t counts[HPC_EVENT_MISSED + 1];

bool hpc_admin_blocks(void)
{
	return READ_ONCE(block);
}

void hpc_admin_count(u32 event)
{
	atomic_long_inc(&counts[event]);
}

/* --- all processes --------------------------------------------------------- */

static bool is_away(struct task_struct *task)
{
	return hpc_role(task) == HPC_DEPUTY;
}

static bool is_guest(struct task_struct *task)
{
	return hpc_role(task) == HPC_GUEST || hpc_role(task) == HPC_ARRIVING;
}

static u32 count(bool (*which)(struct task_struct *task))
{
	struct task_struct *task;
	u32 n = 0;

	rcu_read_lock();
	for_each_process(task)
		n += which(task);
	rcu_read_unlock();
	return n;
}

/* Who has just ended, or has come home by itself, needs no more asking. */
static void send_home(bool (*which)(struct task_struct *task))
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task) {
		if (which(task))
			hpc_bring(task);
	}
	rcu_read_unlock();
}

/* --- admin: numbers -------------------------------------------------------- */

static u32 bring_get(void)
{
	if (READ_ONCE(bringing) && !count(is_away))
		WRITE_ONCE(bringing, 0);
	return READ_ONCE(bringing);
}

static int bring_set(u32 on)
{
	WRITE_ONCE(bringing, on);
	if (on) {
		WRITE_ONCE(lstay, 1);
		send_home(is_away);
	}
	return 0;
}

static u32 expel_get(void)
{
	if (READ_ONCE(expelling) && !count(is_guest))
		WRITE_ONCE(expelling, 0);
	return READ_ONCE(expelling);
}

static int expel_set(u32 on)
{
	WRITE_ONCE(expelling, on);
	if (on) {
		WRITE_ONCE(block, 1);
		send_home(is_guest);
	}
	return 0;
}

static int speed_set(u32 speed)
{
	hpc_speed_set(speed);
	return 0;
}

/**
 * struct number - a file of admin/ that holds one
 * @name:	of the file
 * @min:	smallest value that may be written
 * @max:	largest one
 * @value:	where it is; NULL: @get and @set know
 * @get:	tells it
 * @set:	takes it, or answers -errno
 */
struct number {
	const char *name;
	u32 min;
	u32 max;
	u32 *value;
	u32 (*get)(void);
	int (*set)(u32 value);
};

static const struct number numbers[] = {
	{ "mospe", 0, HPC_NODE_MAX, .get = hpc_self, .set = hpc_self_set },
	{ "speed", 1, HPC_SPEED_MAX, .get = hpc_speed, .set = speed_set },
	{ "stay", 0, 1, &stay },
	{ "lstay", 0, 1, &lstay },
	{ "block", 0, 1, &block },
	{ "quiet", 0, 1, &quiet },
	{ "bring", 0, 1, .get = bring_get, .set = bring_set },
	{ "expel", 0, 1, .get = expel_get, .set = expel_set },
	{ "decayinterval", 1, 3600, &decay_interval },
	{ "slowdecay", 0, HPC_DECAY_ONE, &slow_decay },
	{ "fastdecay", 0, HPC_DECAY_ONE, &fast_decay },
};

static int number_show(struct seq_file *m, void *v)
{
	const struct number *n = m->private;

	seq_printf(m, "%u\n", n->value ? READ_ONCE(*n->value) : n->get());
	return 0;
}

static int number_open(struct inode *inode, struct file *file)
{
	return single_open(file, number_show, pde_data(inode));
}

static ssize_t number_write(struct file *file, const char __user *buf,
			    size_t size, loff_t *pos)
{
	const struct number *n = pde_data(file_inode(file));
	u32 value;
	int ret;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	ret = kstrtou32_from_user(buf, size, 10, &value);
	if (ret)
		return ret;
	if (value < n->min || value > n->max)
		return -ERANGE;
	if (n->set)
		ret = n->set(value);
	else
		WRITE_ONCE(*n->value, value);
	return ret ?: size;
}

static const struct proc_ops number_ops = {
	.proc_open	= number_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
	.proc_write	= number_write,
};

static int version_show(struct seq_file *m, void *v)
{
	seq_printf(m, "Tessera, interface %d, kernel %s\n", HPC_ABI_VERSION,
		   init_utsname()->release);
	return 0;
}

/* --- decay: what a process declares ---------------------------------------- */

void hpc_wish_decay(const struct hpc_wish *wish, u32 *interval, u32 *keep)
{
	*interval = READ_ONCE(decay_interval);
	switch (wish->decay) {
	case HPC_DECAY_NONE:
		*keep = HPC_DECAY_ONE;
		break;
	case HPC_DECAY_SLOW:
		*keep = READ_ONCE(slow_decay);
		break;
	case HPC_DECAY_OWN:
		*interval = wish->interval;
		*keep = wish->keep;
		break;
	default:
		*keep = READ_ONCE(fast_decay);
	}
}
EXPORT_SYMBOL_IF_KUNIT(hpc_wish_decay);

/* "SECONDS KEPT" */
VISIBLE_IF_KUNIT int hpc_wish_parse(const char *text, struct hpc_wish *wish)
{
	u32 interval, keep;
	int end = 0;

	if (sscanf(text, "%u %u%n", &interval, &keep, &end) != 2 ||
	    *skip_spaces(text + end))
		return -EINVAL;
	if (!interval || interval > 3600 || keep > HPC_DECAY_ONE)
		return -ERANGE;
	wish->decay = HPC_DECAY_OWN;
	wish->interval = interval;
	wish->keep = keep;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(hpc_wish_parse);

/**
 * struct declaration - a file of decay/
 * @name:	of the file
 * @job:	HPC_JOB_* that it stands for
 * @decay:	HPC_DECAY_* likewise; both 0: the file is "clear"
 */
struct declaration {
	const char *name;
	u8 job;
	u8 decay;
};

static const struct declaration declarations[] = {
	{ "clear" },
	{ "cpujob", .job = HPC_JOB_CPU },
	{ "iojob", .job = HPC_JOB_IO },
	{ "none", .decay = HPC_DECAY_NONE },
	{ "slow", .decay = HPC_DECAY_SLOW },
	{ "fast", .decay = HPC_DECAY_FAST },
	{ "own", .decay = HPC_DECAY_OWN },
};

static int declaration_show(struct seq_file *m, void *v)
{
	const struct declaration *d = m->private;
	struct hpc_process *p = hpc_process(current);
	struct hpc_wish none = {}, *wish = p ? &p->wish : &none;
	u32 interval, keep;

	if (d->decay == HPC_DECAY_OWN) {
		hpc_wish_decay(wish, &interval, &keep);
		seq_printf(m, "%u %u\n", interval, keep);
	} else {
		seq_printf(m, "%d\n", d->job ? wish->job == d->job :
			   d->decay && wish->decay == d->decay);
	}
	return 0;
}

static int declaration_open(struct inode *inode, struct file *file)
{
	return single_open(file, declaration_show, pde_data(inode));
}

/* 0 takes back what this file stands for, and nothing else. */
VISIBLE_IF_KUNIT void hpc_wish_set(struct hpc_wish *wish, u8 job, u8 decay,
				   bool on)
{
	if (job && (on || wish->job == job))
		wish->job = on ? job : HPC_JOB_UNKNOWN;
	if (decay && (on || wish->decay == decay))
		wish->decay = on ? decay : HPC_DECAY_DEFAULT;
}
EXPORT_SYMBOL_IF_KUNIT(hpc_wish_set);

static int declare(const struct declaration *d, char *text)
{
	struct hpc_process *p = hpc_process_get(current);
	bool on;
	int ret;

	if (!p)
		return -ENOMEM;
	if (d->decay == HPC_DECAY_OWN)
		return hpc_wish_parse(text, &p->wish);
	ret = kstrtobool(text, &on);
	if (ret)
		return ret;
	if (d->job || d->decay) {
		hpc_wish_set(&p->wish, d->job, d->decay, on);
	} else if (on) {
		p->wish = (struct hpc_wish) {};
		WRITE_ONCE(p->cleared, ktime_get_ns());
	}
	return 0;
}

static ssize_t declaration_write(struct file *file, const char __user *buf,
				 size_t size, loff_t *pos)
{
	char text[32] = {};
	int ret;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, size))
		return -EFAULT;
	ret = declare(pde_data(file_inode(file)), text);
	return ret ?: size;
}

static const struct proc_ops declaration_ops = {
	.proc_open	= declaration_open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
	.proc_write	= declaration_write,
};

/* --- info ------------------------------------------------------------------ */

static int info_show(struct seq_file *m, void *v)
{
	static const struct {
		const char *word;
		u32 event;
	} events[] = {
		{ "moved", HPC_EVENT_AWAY },
		{ "returned", HPC_EVENT_HOME },
		{ "stayed", HPC_EVENT_STAYED },
		{ "ended", HPC_EVENT_ENDED },
		{ "lost", HPC_EVENT_LOST },
		{ "arrived", HPC_EVENT_ARRIVED },
		{ "left", HPC_EVENT_LEFT },
	};
	u32 nodes = 0, up = 0, from = HPC_NODE_MIN;
	struct hpc_node node;
	int i;

	for (; !hpc_node_next(from, &node); from = node.id + 1) {
		nodes++;
		up += !!(node.status & HPC_NODE_UP);
	}
	seq_printf(m, "node %u\nnodes %u\nup %u\naway %u\nguests %u\n",
		   hpc_self(), nodes, up, count(is_away), count(is_guest));
	for (i = 0; i < ARRAY_SIZE(events); i++)
		seq_printf(m, "%s %lu\n", events[i].word,
			   atomic_long_read(&counts[events[i].event]));
	return 0;
}

/* --- all of it ------------------------------------------------------------- */

int __init hpc_admin_init(struct proc_dir_entry *top)
{
	/* Everybody speaks for himself. */
	const umode_t mode = 0666;
	struct proc_dir_entry *admin, *decay;
	int i;

	admin = proc_mkdir("admin", top);
	decay = proc_mkdir("decay", top);
	if (!admin || !decay ||
	    !proc_create_single("version", 0444, admin, version_show) ||
	    !proc_create_single("info", 0444, top, info_show))
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!proc_create_data(numbers[i].name, 0644, admin, &number_ops,
				      (void *)&numbers[i]))
			return -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(declarations); i++) {
		if (!proc_create_data(declarations[i].name, mode, decay,
				      &declaration_ops,
				      (void *)&declarations[i]))
			return -ENOMEM;
	}
	return 0;
}
