// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long reads and writes of plain files, of a guest.
 *
 * Carried out as one call, the network would stand still while the file is read
 * or written, and the file while the bytes travel.  So they go in pieces, under
 * one hold of the file's position.  Only where nobody can tell the difference:
 * not for files that are appended to, synced with each write or whose reads and
 * writes have a meaning of their own, as in /proc.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <asm/unistd.h>

#include "bulk.h"
#include "internal.h"
#include "link.h"
#include "ranges.h"

#define PIECE	SZ_64K

static bool is_write(u32 nr)
{
	return nr == __NR_write || nr == __NR_pwrite64;
}

static bool is_positioned(u32 nr)
{
	return nr == __NR_pread64 || nr == __NR_pwrite64;
}

static bool is_plain(struct file *file, bool write)
{
	struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) || file->f_flags & O_DIRECT ||
	    file->f_mapping->a_ops == &empty_aops ||
	    inode->i_sb->s_iflags & SB_I_NOEXEC)
		return false;
	if (!write)
		return file->f_mode & FMODE_READ;
	/* What exceeds the limit comes with a signal, at its own place. */
	return file->f_mode & FMODE_WRITE &&
	       !(file->f_flags & (O_APPEND | O_DSYNC)) && !IS_SYNC(inode) &&
	       rlimit(RLIMIT_FSIZE) == RLIM_INFINITY;
}

static void bulk_end(struct hpc_bulk *b)
{
	if (b->positioned)
		fdput(b->fd);
	else
		fdput_pos(b->fd);
}

bool hpc_bulk_begin(struct hpc_bulk *b, const struct hpc_wire_call *w,
		    const struct hpc_ranges *ranges)
{
	u32 nr = le32_to_cpu(w->nr), fd = le64_to_cpu(w->arg[0]);
	const struct hpc_wire_range *r = &ranges->r[0];
	struct file *file;
	int ret;

	if (!is_write(nr) && nr != __NR_read && nr != __NR_pread64)
		return false;
	if (ranges->n != 1 || le32_to_cpu(r->len) < 4 * PIECE ||
	    le32_to_cpu(r->len) > le64_to_cpu(w->arg[2]) ||
	    r->addr != w->arg[1])
		return false;
	*b = (struct hpc_bulk) {
		.write = is_write(nr), .positioned = is_positioned(nr),
		.buf = (char __user *)le64_to_cpu(r->addr),
		.count = le32_to_cpu(r->len),
	};
	if (le32_to_cpu(r->kind) != (b->write ? HPC_RANGE_IN
					      : HPC_RANGE_OUT | HPC_RANGE_RET))
		return false;
	b->fd = b->positioned ? fdget(fd) : fdget_pos(fd);
	file = fd_file(b->fd);
	if (!file)
		return false;
	b->pos = b->positioned ? le64_to_cpu(w->arg[3]) : file->f_pos;
	if (b->pos < 0 || !is_plain(file, b->write))
		goto no;
	mutex_lock(&hpc_process(current)->lock);
	ret = hpc_shadow_prepare((unsigned long)b->buf, b->count);
	mutex_unlock(&hpc_process(current)->lock);
	if (!ret)
		return true;
no:
	bulk_end(b);
	return false;
}

static int send_piece(struct hpc_link *link, char __user *from, size_t len)
{
	struct hpc_user_pages u = {};
	int ret;

	ret = hpc_user_pages_get(&u, (unsigned long)from, len);
	ret = ret ?: hpc_link_send_pages(link, HPC_F_PART, NULL, 0, u.bvec, u.n,
					 len);
	hpc_user_pages_put(&u);
	return ret;
}

static ssize_t read_piece(struct hpc_bulk *b, struct hpc_link *link, size_t want)
{
	char __user *to = b->buf + b->done;
	ssize_t n;
	int ret;

	n = vfs_read(fd_file(b->fd), to, want, &b->pos);
	if (n <= 0)
		return n;
	ret = send_piece(link, to, n);
	if (ret)
		return ret;
	b->travelled += n;
	return n;
}

static ssize_t write_piece(struct hpc_bulk *b, struct hpc_link *link, size_t want)
{
	char __user *from = b->buf + b->done;
	struct iov_iter to;
	int ret;

	iov_iter_ubuf(&to, ITER_DEST, from, want);
	ret = hpc_link_recv_iter(link, &to);
	b->travelled += want - iov_iter_count(&to);
	if (ret)
		return ret == -EFAULT ? -ENOMEM : ret;
	return vfs_write(fd_file(b->fd), from, want, &b->pos);
}

long hpc_bulk_call(struct hpc_bulk *b, struct hpc_link *link)
{
	ssize_t n = 0;

	while (b->done < b->count) {
		size_t want = min_t(size_t, b->count - b->done, PIECE);

		n = b->write ? write_piece(b, link, want)
			     : read_piece(b, link, want);
		if (n > 0)
			b->done += n;
		if (n != want)
			break;
	}
	if (b->write)
		hpc_link_skip(link, b->count - b->travelled);
	if (!b->positioned && b->done)
		fd_file(b->fd)->f_pos = b->pos;
	bulk_end(b);
	return b->done ?: n;
}
