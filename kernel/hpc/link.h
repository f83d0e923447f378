/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A link: the connected stream between a deputy thread and its guest thread,
 * or a file that holds an image.
 */
#ifndef _HPC_LINK_H
#define _HPC_LINK_H

#include <linux/types.h>
#include <linux/uio.h>

#include "wire.h"

struct file;
struct sock;
struct socket;
struct task_struct;
struct bio_vec;

#define HPC_LINK_BUFFER		2048

enum hpc_link_callback {
	HPC_LINK_DATA_READY,
	HPC_LINK_STATE_CHANGE,
	HPC_LINK_ERROR_REPORT,
	HPC_LINK_CALLBACKS
};

/**
 * struct hpc_link - one end; used by one thread at a time
 * @file:	what user space handed over; we hold a reference
 * @sock:	its socket, NULL if @file is a plain file
 * @owner:	thread that is kicked when something comes in unexpected; no
 *		reference, the thread closes the link before it ends; guarded by
 *		the socket's callback lock
 * @answering:	the bytes of an answer come in: no question may be asked
 * @expecting:	@owner looks at the link by itself: no kick is needed
 * @timeout:	longest wait for one piece of input or room for output, jiffies
 * @mem:	what was sent into memory, see hpc_link_memory()
 * @room:	for how much
 * @patience:	hpc_link_patient() calls that hpc_link_impatient() has not ended
 * @impatient:	TCP_USER_TIMEOUT to go back to, ms
 * @error:	first error met, negative errno; nothing goes through after it
 * @deaf:	something was left unread for a fatal signal: nothing can be read
 *		after it, but a last word be sent
 * @own:	the socket's own callbacks
 * @sent:	bytes, for statistics
 * @received:	likewise
 * @pos:	first byte in @buf not yet read
 * @end:	behind the last byte in @buf
 * @buf:	small frames are read in one go
 */
struct hpc_link {
	struct file		*file;
	struct socket		*sock;
	struct task_struct	*owner;
	bool			answering;
	bool			expecting;
	long			timeout;
	u8			*mem;
	size_t			room;
	unsigned int		patience;
	u32			impatient;
	int			error;
	bool			deaf;
	void			(*own[HPC_LINK_CALLBACKS])(struct sock *sk);
	u64			sent;
	u64			received;
	unsigned int		pos;
	unsigned int		end;
	u8			buf[HPC_LINK_BUFFER];
};

/* -EOPNOTSUPP: neither a connected TCP socket nor a plain file. */
struct hpc_link *hpc_link_open(struct file *file);
void hpc_link_close(struct hpc_link *link);

/* One that keeps what is sent, and sends it on to another later. */
struct hpc_link *hpc_link_memory(void);
int hpc_link_send_on(struct hpc_link *link, const struct hpc_link *memory);

/* From now on whatever comes in, or the end of the link, kicks @owner. */
void hpc_link_watch(struct hpc_link *link, struct task_struct *owner);

/*
 * All of these sleep, and give up only for a fatal signal (-EINTR), the end of
 * the link (-ECONNRESET) or when link->timeout is over (-ETIMEDOUT).
 */
int hpc_link_send(struct hpc_link *link, u16 type, const void *body, u32 len);
int hpc_link_send_kvec(struct hpc_link *link, u16 type, struct kvec *vec,
		       unsigned int n, u32 len);
/* @head, then @len bytes of the pages in @bvec, which are not copied. */
int hpc_link_send_pages(struct hpc_link *link, u16 type, const void *head,
			u32 head_len, struct bio_vec *bvec, unsigned int n,
			u32 len);
int hpc_link_recv_frame(struct hpc_link *link, u16 *type, u32 *len);
int hpc_link_recv(struct hpc_link *link, void *to, size_t len);
/*
 * Fills @pipe with the pages that hold what comes in, without copying them where
 * that is possible: at most @len bytes, at least one; how many, or -errno.
 */
ssize_t hpc_link_splice(struct hpc_link *link, struct pipe_inode_info *pipe,
			size_t len);
/* The whole body of a frame, which is to be @size bytes, and is @len.  -EPROTO. */
int hpc_link_recv_body(struct hpc_link *link, void *to, size_t size, u32 len);
int hpc_link_recv_iter(struct hpc_link *link, struct iov_iter *to);
int hpc_link_skip(struct hpc_link *link, size_t len);

/*
 * While an image goes through, or what a disk is to take, the other side may
 * leave unread what it was sent for longer than a dead node is waited for
 * otherwise.  @ms: for so long; 0: as long as link->timeout allows.
 */
void hpc_link_patient(struct hpc_link *link, unsigned int ms);
void hpc_link_impatient(struct hpc_link *link);

/* Is there something to read, or is the link at its end?  Never sleeps. */
bool hpc_link_readable(struct hpc_link *link);

/*
 * Waits until hpc_link_readable(), or @stop() of @data says so, or a signal is
 * pending (-ERESTARTSYS).
 */
int hpc_link_wait(struct hpc_link *link, bool (*stop)(void *data), void *data);

/*
 * Between the two the owner reads, and what comes in does not kick it.  The
 * second returns true if something is there that nobody has been kicked for.
 */
void hpc_link_expect(struct hpc_link *link);
bool hpc_link_unexpect(struct hpc_link *link);

/*
 * Sleeps killably until poll() of @sock would tell one of @events, *@left jiffies
 * at most, which it counts down.  -EINTR, -ETIMEDOUT.
 */
int hpc_sock_sleep(struct socket *sock, __poll_t events, long *left);

/*
 * A second link to where @link leads, see door.c.  One side listens, says so in
 * a LISTEN frame, @w, and accepts who has the token in it, which tells what it is
 * for, @tid; the other connects.  The first may be called again for more.
 * -EOPNOTSUPP: not over TCP; -ETIMEDOUT: nobody came.
 */
struct socket *hpc_link_listen(struct hpc_link *link, struct hpc_wire_listen *w);
struct hpc_link *hpc_link_accept(struct hpc_link *link, struct socket *door,
				 const u8 *token, u32 *tid);
struct hpc_link *hpc_link_connect(struct hpc_link *link,
				  const struct hpc_wire_listen *at, u32 tid);

/* The owner is being killed, and gives up what it waits for. */
void hpc_link_deafen(struct hpc_link *link);

/* Ends the link for both sides; the struct stays until hpc_link_close(). */
void hpc_link_shutdown(struct hpc_link *link);

#endif /* _HPC_LINK_H */
