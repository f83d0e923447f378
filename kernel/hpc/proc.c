// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/hpc as openMosix users and their scripts know it.
 *
 *   admin/, decay/, info: see admin.c
 *   nodes/N/		one folder for each node of the table:
 *     cpus		processors
 *     load		runnable processes per processor, by speed, times 100
 *     mem		bytes a guest could get
 *     rmem		bytes not in use at all
 *     speed		of one processor
 *     status		bits, HPC_NODE_* in <linux/hpc.h>; 3 and more: alive
 *     tmem		bytes of memory in all
 *     util		percent of processor time in use
 *
 *   remote/PID/		one folder for each guest here:
 *     from		node it belongs to
 *     identity		its PID there
 *     statm		memory, as /proc/PID/statm: size and resident, in pages
 *     stats		CPU time used so far, in ms: user, system
 */

#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/cputime.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>

#include "internal.h"

static struct proc_dir_entry *nodes_dir, *remote_dir;

/* --- nodes/N --------------------------------------------------------------- */

#define NODE_FILE(_field, _format)					\
static int node_##_field##_show(struct seq_file *m, void *v)		\
{									\
	struct hpc_node node;						\
	int ret = hpc_node_get((uintptr_t)m->private, &node);		\
									\
	if (!ret)							\
		seq_printf(m, _format "\n", node._field);		\
	return ret;							\
}

NODE_FILE(cpus, "%u")
NODE_FILE(load, "%u")
NODE_FILE(mem, "%llu")
NODE_FILE(rmem, "%llu")
NODE_FILE(speed, "%u")
NODE_FILE(status, "%u")
NODE_FILE(tmem, "%llu")
NODE_FILE(util, "%u")

static const struct {
	const char *name;
	int (*show)(struct seq_file *m, void *v);
} node_files[] = {
	{ "cpus",	node_cpus_show },
	{ "load",	node_load_show },
	{ "mem",	node_mem_show },
	{ "rmem",	node_rmem_show },
	{ "speed",	node_speed_show },
	{ "status",	node_status_show },
	{ "tmem",	node_tmem_show },
	{ "util",	node_util_show },
};

struct proc_dir_entry *hpc_proc_node_add(u32 id)
{
	void *data = (void *)(uintptr_t)id;
	struct proc_dir_entry *dir;
	char name[8];
	int i;

	snprintf(name, sizeof(name), "%u", id);
	dir = proc_mkdir(name, nodes_dir);
	if (!dir)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(node_files); i++) {
		if (!proc_create_single_data(node_files[i].name, 0444, dir,
					     node_files[i].show, data)) {
			proc_remove(dir);
			return NULL;
		}
	}
	return dir;
}

void hpc_proc_node_del(struct proc_dir_entry *dir)
{
	proc_remove(dir);
}

/* --- remote/PID ------------------------------------------------------------ */

/* The folder goes before the guest does: its number stands for it. */
static struct task_struct *remote_task(struct seq_file *m)
{
	struct task_struct *task;

	rcu_read_lock();
	task = find_task_by_pid_ns((uintptr_t)m->private, &init_pid_ns);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

static void from_print(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "%u\n", hpc_process(task)->home);
}

static void identity_print(struct seq_file *m, struct task_struct *task)
{
	seq_printf(m, "pid %u\n", hpc_process(task)->home_pid);
}

static void statm_print(struct seq_file *m, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return;
	seq_printf(m, "%lu %lu\n", mm->total_vm, get_mm_rss(mm));
	mmput(mm);
}

static void stats_print(struct seq_file *m, struct task_struct *task)
{
	u64 utime, stime;

	thread_group_cputime_adjusted(task, &utime, &stime);
	seq_printf(m, "%llu %llu\n", div_u64(utime, NSEC_PER_MSEC),
		   div_u64(stime, NSEC_PER_MSEC));
}

#define REMOTE_FILE(_name)						\
static int remote_##_name##_show(struct seq_file *m, void *v)		\
{									\
	struct task_struct *task = remote_task(m);			\
									\
	if (!task)							\
		return -ESRCH;						\
	if (hpc_process(task))						\
		_name##_print(m, task);					\
	put_task_struct(task);						\
	return 0;							\
}

REMOTE_FILE(from)
REMOTE_FILE(identity)
REMOTE_FILE(statm)
REMOTE_FILE(stats)

void hpc_remote_add(struct task_struct *task)
{
	struct hpc_process *p = hpc_process(task);
	pid_t pid = task_tgid_nr(task);
	void *data = (void *)(uintptr_t)pid;
	char name[12];

	snprintf(name, sizeof(name), "%d", pid);
	hpc_event(HPC_EVENT_ARRIVED, pid, p->home, 0);
	/* Without its folder a guest runs no worse. */
	p->remote = proc_mkdir(name, remote_dir);
	if (!p->remote)
		return;
	proc_create_single_data("from", 0444, p->remote, remote_from_show, data);
	proc_create_single_data("identity", 0444, p->remote,
				remote_identity_show, data);
	proc_create_single_data("statm", 0444, p->remote, remote_statm_show, data);
	proc_create_single_data("stats", 0444, p->remote, remote_stats_show, data);
}

void hpc_remote_del(struct task_struct *task)
{
	struct hpc_process *p = hpc_process(task);

	if (!p->remote)
		return;
	proc_remove(p->remote);
	p->remote = NULL;
	hpc_event(HPC_EVENT_LEFT, task_tgid_nr(task), p->home, 0);
}

/* --- the folder ------------------------------------------------------------ */

int __init hpc_proc_init(void)
{
	struct proc_dir_entry *top;

	top = proc_mkdir("hpc", NULL);
	if (!top)
		return -ENOMEM;
	nodes_dir = proc_mkdir("nodes", top);
	remote_dir = proc_mkdir("remote", top);
	if (!nodes_dir || !remote_dir || hpc_admin_init(top)) {
		proc_remove(top);
		return -ENOMEM;
	}
	return 0;
}
