// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: each open file of /dev/hpc that reads has a queue of its own, so no
 * reader takes from another.  A queue that is full drops the oldest and says how
 * many; what is true now stands in /proc.
 */

#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "internal.h"

#define QUEUE_LEN	512

/**
 * struct hpc_reader - one open file that reads
 * @list:	of all readers; guarded by readers_lock
 * @wait:	who waits for an event
 * @missed:	events dropped since the last read; guarded by readers_lock
 * @queue:	not yet read; guarded by readers_lock
 */
struct hpc_reader {
	struct list_head	list;
	wait_queue_head_t	wait;
	unsigned int		missed;
	DECLARE_KFIFO(queue, struct hpc_event, QUEUE_LEN);
};

static DEFINE_SPINLOCK(readers_lock);
static LIST_HEAD(readers);

void hpc_event(u32 type, pid_t pid, u32 node, int error)
{
	struct hpc_event event = {
		.type	= type,
		.pid	= pid,
		.node	= node,
		.error	= error,
		.time	= ktime_get_ns(),
	};
	struct hpc_reader *r;

	hpc_admin_count(type);
	spin_lock(&readers_lock);
	list_for_each_entry(r, &readers, list) {
		if (kfifo_is_full(&r->queue)) {
			kfifo_skip(&r->queue);
			r->missed++;
		}
		kfifo_put(&r->queue, event);
		wake_up_interruptible(&r->wait);
	}
	spin_unlock(&readers_lock);
}

/* Made at the first read or poll; NULL: no memory. */
static struct hpc_reader *reader_get(struct file *file)
{
	struct hpc_reader *old = READ_ONCE(file->private_data), *new;

	if (old)
		return old;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	INIT_KFIFO(new->queue);
	init_waitqueue_head(&new->wait);
	spin_lock(&readers_lock);
	old = file->private_data;
	if (!old) {
		list_add(&new->list, &readers);
		WRITE_ONCE(file->private_data, new);
	}
	spin_unlock(&readers_lock);
	if (!old)
		return new;
	kfree(new);
	return old;
}

static bool next_event(struct hpc_reader *r, struct hpc_event *event)
{
	bool some = true;

	spin_lock(&readers_lock);
	if (r->missed) {
		*event = (struct hpc_event) {
			.type	= HPC_EVENT_MISSED,
			.error	= r->missed,
			.time	= ktime_get_ns(),
		};
		r->missed = 0;
	} else {
		some = kfifo_get(&r->queue, event);
	}
	spin_unlock(&readers_lock);
	return some;
}

static bool has_event(struct hpc_reader *r)
{
	bool some;

	spin_lock(&readers_lock);
	some = r->missed || !kfifo_is_empty(&r->queue);
	spin_unlock(&readers_lock);
	return some;
}

ssize_t hpc_reader_read(struct file *file, char __user *buf, size_t count)
{
	struct hpc_reader *r;
	struct hpc_event event;
	size_t done = 0;
	int ret;

	if (count < sizeof(event))
		return -EINVAL;
	r = reader_get(file);
	if (!r)
		return -ENOMEM;
	do {
		if (!has_event(r)) {
			if (file->f_flags & O_NONBLOCK)
				return -EAGAIN;
			ret = wait_event_interruptible(r->wait, has_event(r));
			if (ret)
				return ret;
		}
		while (count - done >= sizeof(event) && next_event(r, &event)) {
			if (copy_to_user(buf + done, &event, sizeof(event)))
				return done ?: -EFAULT;
			done += sizeof(event);
		}
		/* Another reader of the same file may have been quicker. */
	} while (!done);
	return done;
}

__poll_t hpc_reader_poll(struct file *file, struct poll_table_struct *wait)
{
	struct hpc_reader *r = reader_get(file);

	if (!r)
		return EPOLLERR;
	poll_wait(file, &r->wait, wait);
	return has_event(r) ? EPOLLIN | EPOLLRDNORM : 0;
}

void hpc_reader_release(struct file *file)
{
	struct hpc_reader *r = file->private_data;

	if (!r)
		return;
	spin_lock(&readers_lock);
	list_del(&r->list);
	spin_unlock(&readers_lock);
	kfree(r);
}
