// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/hpc: the door through which programs talk to the engine.  What each
 * request means stands in <uapi/linux/hpc.h>; here is who may ask it.
 */

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

#include "internal.h"

/* The first published sizes; they never change. */
#define VERSION_SIZE_V1		80
#define NODE_SIZE_V1		248
#define MOVE_SIZE_V1		16
#define INFO_SIZE_V1		72

/*
 * The right goes with the open file, not with the caller: a daemon opens it as
 * root and then becomes nobody.
 */
static bool may_change(const struct file *file)
{
	return file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN);
}

/*
 * Takes a sized structure from @arg: @dst gets what the caller knows of it and
 * zeroes for the rest; a tail we do not know must be zero.
 */
static int get_sized(void *dst, size_t size, size_t min, void __user *arg)
{
	u32 usize;

	if (get_user(usize, (u32 __user *)arg))
		return -EFAULT;
	if (usize < min || usize > PAGE_SIZE)
		return -EINVAL;
	return copy_struct_from_user(dst, size, arg, usize);
}

/* Gives back at most what the caller has room for: its @usize was checked. */
static int put_sized(void __user *arg, const void *src, size_t size)
{
	u32 usize;

	if (get_user(usize, (u32 __user *)arg))
		return -EFAULT;
	if (copy_to_user(arg + sizeof(u32), src + sizeof(u32),
			 min_t(size_t, size, usize) - sizeof(u32)))
		return -EFAULT;
	return 0;
}

static long ioctl_version(void __user *arg)
{
	struct hpc_version v;
	int ret;

	static_assert(sizeof(v) >= VERSION_SIZE_V1);

	ret = get_sized(&v, sizeof(v), VERSION_SIZE_V1, arg);
	if (ret)
		return ret;
	if (v.reserved)
		return -EINVAL;
	v.abi = HPC_ABI_VERSION;
	v.self = hpc_self();
	strscpy_pad(v.release, init_utsname()->release);
	return put_sized(arg, &v, sizeof(v));
}

static long ioctl_self(void __user *arg)
{
	u32 id;

	if (get_user(id, (u32 __user *)arg))
		return -EFAULT;
	return hpc_self_set(id);
}

static long ioctl_node_set(void __user *arg)
{
	struct hpc_node node;
	int ret;

	static_assert(sizeof(node) >= NODE_SIZE_V1);

	ret = get_sized(&node, sizeof(node), NODE_SIZE_V1, arg);
	return ret ?: hpc_node_set(&node);
}

static long ioctl_node_read(void __user *arg,
			    int (*read)(u32 id, struct hpc_node *ret))
{
	struct hpc_node node;
	int ret;

	ret = get_sized(&node, sizeof(node), NODE_SIZE_V1, arg);
	if (!ret)
		ret = read(node.id, &node);
	return ret ?: put_sized(arg, &node, sizeof(node));
}

static long ioctl_node_del(void __user *arg)
{
	u32 id;

	if (get_user(id, (u32 __user *)arg))
		return -EFAULT;
	return hpc_node_del(id);
}

/* With a reference; NULL: no such process. */
static struct task_struct *find_process(pid_t nr)
{
	struct task_struct *task;

	rcu_read_lock();
	task = find_task_by_vpid(nr);
	if (task)
		task = task->group_leader;
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

static long ioctl_send(void __user *arg)
{
	struct task_struct *task;
	struct hpc_move move;
	int ret;

	ret = get_sized(&move, sizeof(move), MOVE_SIZE_V1, arg);
	if (ret)
		return ret;
	if (move.node < HPC_NODE_MIN || move.node > HPC_NODE_MAX)
		return -EINVAL;
	task = find_process(move.pid);
	if (!task)
		return -ESRCH;
	if (task->flags & PF_KTHREAD)
		ret = -EPERM;
	else if (hpc_cantmove(task))
		ret = -EBUSY;
	else
		ret = hpc_send(task, move.fd, move.node);
	put_task_struct(task);
	return ret;
}

static long ioctl_receive(void __user *arg)
{
	s32 fd;

	if (get_user(fd, (s32 __user *)arg))
		return -EFAULT;
	return hpc_admin_blocks() ? -ECONNREFUSED : hpc_receive(fd);
}

static long ioctl_bring(void __user *arg)
{
	struct task_struct *task;
	int ret;
	s32 pid;

	if (get_user(pid, (s32 __user *)arg))
		return -EFAULT;
	task = find_process(pid);
	if (!task)
		return -ESRCH;
	ret = hpc_bring(task);
	put_task_struct(task);
	return ret;
}

static long ioctl_info(void __user *arg)
{
	struct task_struct *task;
	struct hpc_info info;
	pid_t pid;
	int ret;

	ret = get_sized(&info, sizeof(info), INFO_SIZE_V1, arg);
	if (ret)
		return ret;
	pid = info.pid;
	task = find_process(pid);
	if (!task)
		return -ESRCH;
	memset(&info, 0, sizeof(info));
	info.pid = pid;
	hpc_process_info(task, &info);
	put_task_struct(task);
	return put_sized(arg, &info, sizeof(info));
}

static long control_ioctl(struct file *file, unsigned int cmd,
			  unsigned long uarg)
{
	void __user *arg = (void __user *)uarg;

	switch (cmd) {
	case HPC_IOC_VERSION:
		return ioctl_version(arg);
	case HPC_IOC_NODE_GET:
		return ioctl_node_read(arg, hpc_node_get);
	case HPC_IOC_NODE_NEXT:
		return ioctl_node_read(arg, hpc_node_next);
	case HPC_IOC_SELF:
		return may_change(file) ? ioctl_self(arg) : -EPERM;
	case HPC_IOC_NODE_SET:
		return may_change(file) ? ioctl_node_set(arg) : -EPERM;
	case HPC_IOC_NODE_DEL:
		return may_change(file) ? ioctl_node_del(arg) : -EPERM;
	case HPC_IOC_INFO:
		return ioctl_info(arg);
	case HPC_IOC_SEND:
		return may_change(file) ? ioctl_send(arg) : -EPERM;
	case HPC_IOC_RECEIVE:
		return may_change(file) ? ioctl_receive(arg) : -EPERM;
	case HPC_IOC_BRING:
		return may_change(file) ? ioctl_bring(arg) : -EPERM;
	default:
		return -ENOTTY;
	}
}

static ssize_t control_read(struct file *file, char __user *buf, size_t count,
			    loff_t *pos)
{
	return may_change(file) ? hpc_reader_read(file, buf, count) : -EPERM;
}

static __poll_t control_poll(struct file *file, struct poll_table_struct *wait)
{
	return may_change(file) ? hpc_reader_poll(file, wait) : EPOLLERR;
}

static int control_release(struct inode *inode, struct file *file)
{
	hpc_reader_release(file);
	return 0;
}

/* misc_open() leaves the device here; we keep the reader instead. */
static int control_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return nonseekable_open(inode, file);
}

static const struct file_operations control_fops = {
	.owner		= THIS_MODULE,
	.open		= control_open,
	.release	= control_release,
	.read		= control_read,
	.poll		= control_poll,
	.unlocked_ioctl	= control_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice control_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "hpc",
	.mode	= 0666,
	.fops	= &control_fops,
};

int __init hpc_control_init(void)
{
	return misc_register(&control_device);
}
