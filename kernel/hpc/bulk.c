// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long reads and writes of plain files, of a guest.
 *
 * Carried out as one call, the network would stand still while the file is read
 * or written, and the file while the bytes travel.  So they go in pieces, under
 * one hold of the file's position, past the shadow: what is read goes out as it
 * stands in the page cache, what is written comes in as the network card left it.
 * Only where nobody can tell the difference: not for files that are appended to,
 * synced with each write or whose reads and writes have a meaning of their own,
 * as in /proc.
 */

#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/sched/xacct.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include <asm/unistd.h>

#include "bulk.h"
#include "internal.h"
#include "link.h"
#include "ranges.h"

#define SHORTEST_READ	SZ_16K
#define SHORTEST_WRITE	SZ_256K

/* So much of a write is put into the file in one go, if it is there. */
#define PIECE		SZ_64K

/* Pages that travel under one header. */
#define SLOTS		64

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
		return file->f_mode & FMODE_READ && file->f_mode & FMODE_LSEEK &&
		       file->f_op->splice_read && !IS_DAX(inode);
	/* What exceeds the limit comes with a signal, at its own place. */
	return file->f_mode & FMODE_WRITE && file->f_op->write_iter &&
	       !(file->f_flags & (O_APPEND | O_DSYNC)) && !IS_SYNC(inode) &&
	       rlimit(RLIMIT_FSIZE) == RLIM_INFINITY;
}

/* The one that splices of this thread share, and that goes with it. */
static struct pipe_inode_info *own_pipe(void)
{
	struct pipe_inode_info *pipe = current->splice_pipe;
	unsigned int accounted;

	if (!pipe) {
		pipe = alloc_pipe_info();
		if (!pipe)
			return NULL;
		pipe->readers = 1;
		current->splice_pipe = pipe;
	}
	if (pipe->ring_size < SLOTS) {
		/* Not one of the user's, whose number has a limit. */
		accounted = pipe->nr_accounted;
		if (pipe_resize_ring(pipe, SLOTS))
			return NULL;
		pipe->nr_accounted = accounted;
	}
	return pipe;
}

static void drop(struct pipe_inode_info *pipe, size_t len)
{
	while (len) {
		struct pipe_buffer *buf = pipe_buf(pipe, pipe->tail);
		size_t n = min_t(size_t, len, buf->len);

		buf->offset += n;
		buf->len -= n;
		len -= n;
		if (!buf->len) {
			pipe_buf_release(pipe, buf);
			pipe->tail++;
		}
	}
}

static void bulk_end(struct hpc_bulk *b)
{
	if (b->pipe)
		drop(b->pipe, b->waiting);
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
	u32 shortest = is_write(nr) ? SHORTEST_WRITE : SHORTEST_READ;
	struct file *file;

	if (!is_write(nr) && nr != __NR_read && nr != __NR_pread64)
		return false;
	if (ranges->n != 1 || le32_to_cpu(r->len) < shortest ||
	    le32_to_cpu(r->len) > le64_to_cpu(w->arg[2]) ||
	    r->addr != w->arg[1])
		return false;
	*b = (struct hpc_bulk) {
		.write = is_write(nr), .positioned = is_positioned(nr),
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
	b->pipe = own_pipe();
	if (b->pipe)
		return true;
no:
	bulk_end(b);
	return false;
}

/* What a splice has gathered in its pipe, as one PART. */
static int send_gathered(struct pipe_inode_info *pipe, struct splice_desc *sd)
{
	struct bio_vec bvec[SLOTS];
	struct hpc_link *link = sd->u.data;
	unsigned int tail, n = 0;
	u32 len = 0;
	int ret;

	for (tail = pipe->tail; tail != pipe->head && n < ARRAY_SIZE(bvec); tail++) {
		struct pipe_buffer *buf = pipe_buf(pipe, tail);

		ret = pipe_buf_confirm(pipe, buf);
		if (ret)
			return ret;
		bvec_set_page(&bvec[n++], buf->page, buf->len, buf->offset);
		len += buf->len;
	}
	ret = hpc_link_send_pages(link, HPC_F_PART, NULL, 0, bvec, n, len);
	if (ret)
		return ret;
	while (pipe->tail != tail) {
		pipe_buf_release(pipe, pipe_buf(pipe, pipe->tail));
		pipe->tail++;
	}
	return len;
}

static ssize_t read_pieces(struct hpc_bulk *b, struct hpc_link *link)
{
	struct splice_desc sd = {
		.total_len	= b->count,
		.pos		= b->pos,
		.u.data		= link,
	};
	struct file *file = fd_file(b->fd);
	ssize_t n;

	n = rw_verify_area(READ, file, &b->pos, b->count);
	if (!n)
		n = splice_direct_to_actor(file, &sd, send_gathered);
	if (n > 0) {
		fsnotify_access(file);
		add_rchar(current, n);
		b->done = n;
		b->pos = sd.pos;
	}
	inc_syscr(current);
	return n;
}

/* Until a piece is there, the pipe is full, or all has come. */
static int gather(struct hpc_bulk *b, struct hpc_link *link)
{
	while (b->travelled < b->count && b->waiting < PIECE &&
	       !pipe_full(b->pipe->head, b->pipe->tail, b->pipe->max_usage)) {
		size_t want = min(b->count - b->travelled, PIECE - b->waiting);
		ssize_t n = hpc_link_splice(link, b->pipe, want);

		if (n < 0)
			return n;
		b->waiting += n;
		b->travelled += n;
	}
	return 0;
}

/* Half a page of a file may have to be read before it can be written. */
static size_t whole_pages(const struct hpc_bulk *b)
{
	loff_t end = b->pos + b->waiting;

	if (b->travelled < b->count && round_down(end, PAGE_SIZE) > b->pos)
		end = round_down(end, PAGE_SIZE);
	return end - b->pos;
}

static ssize_t write_waiting(struct hpc_bulk *b, size_t len)
{
	struct bio_vec bvec[SLOTS];
	unsigned int tail, n = 0;
	struct iov_iter from;
	ssize_t ret;

	for (tail = b->pipe->tail; tail != b->pipe->head && n < ARRAY_SIZE(bvec); tail++) {
		struct pipe_buffer *buf = pipe_buf(b->pipe, tail);

		bvec_set_page(&bvec[n++], buf->page, buf->len, buf->offset);
	}
	iov_iter_bvec(&from, ITER_SOURCE, bvec, n, len);
	ret = vfs_iter_write(fd_file(b->fd), &from, &b->pos, 0);
	if (ret > 0) {
		drop(b->pipe, ret);
		b->waiting -= ret;
	}
	return ret;
}

static ssize_t write_pieces(struct hpc_bulk *b, struct hpc_link *link)
{
	ssize_t n = 0;

	while (b->done < b->count) {
		size_t len;

		n = gather(b, link);
		if (n)
			break;
		len = whole_pages(b);
		n = write_waiting(b, len);
		if (n > 0)
			b->done += n;
		if (n != len)
			break;
	}
	hpc_link_skip(link, b->count - b->travelled);
	add_wchar(current, b->done);
	inc_syscw(current);
	return n;
}

long hpc_bulk_call(struct hpc_bulk *b, struct hpc_link *link)
{
	ssize_t n = b->write ? write_pieces(b, link) : read_pieces(b, link);

	if (!b->positioned && b->done)
		fd_file(b->fd)->f_pos = b->pos;
	bulk_end(b);
	return b->done ?: n;
}
