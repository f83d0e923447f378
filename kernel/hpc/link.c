// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending and receiving frames.
 *
 * The engine's threads wait here with signals pending: a deputy that is to
 * forward a signal must first finish the frame it is in the middle of.  So all
 * transfers use MSG_DONTWAIT and sleep killably in between, and only
 * hpc_link_wait(), which waits for the beginning of a frame, looks at signals.
 */

#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "link.h"
#include "internal.h"

#define LINK_TIMEOUT	(30 * HZ)

/* --- what comes in unasked ------------------------------------------------- */

/* Called in softirq context, with whatever the socket's own callback holds. */
static void link_event(struct sock *sk)
{
	struct hpc_link *link;

	read_lock_bh(&sk->sk_callback_lock);
	link = sk->sk_user_data;
	if (link && link->owner && !READ_ONCE(link->expecting))
		hpc_kick(link->owner);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void link_called(struct sock *sk, enum hpc_link_callback which)
{
	void (*own)(struct sock *sk) = NULL;
	struct hpc_link *link;

	read_lock_bh(&sk->sk_callback_lock);
	link = sk->sk_user_data;
	if (link)
		own = link->own[which];
	read_unlock_bh(&sk->sk_callback_lock);
	if (own)
		own(sk);
	link_event(sk);
}

static void link_data_ready(struct sock *sk)
{
	link_called(sk, HPC_LINK_DATA_READY);
}

static void link_state_change(struct sock *sk)
{
	link_called(sk, HPC_LINK_STATE_CHANGE);
}

static void link_error_report(struct sock *sk)
{
	link_called(sk, HPC_LINK_ERROR_REPORT);
}

void hpc_link_watch(struct hpc_link *link, struct task_struct *owner)
{
	struct sock *sk;

	if (!link->sock)
		return;
	sk = link->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	link->owner = owner;
	if (!sk->sk_user_data) {
		link->own[HPC_LINK_DATA_READY] = sk->sk_data_ready;
		link->own[HPC_LINK_STATE_CHANGE] = sk->sk_state_change;
		link->own[HPC_LINK_ERROR_REPORT] = sk->sk_error_report;
		sk->sk_user_data = link;
		sk->sk_data_ready = link_data_ready;
		sk->sk_state_change = link_state_change;
		sk->sk_error_report = link_error_report;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	/* What came before nobody was told of. */
	if (hpc_link_readable(link))
		hpc_kick(owner);
}

static void link_unwatch(struct hpc_link *link)
{
	struct sock *sk = link->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data == link) {
		sk->sk_data_ready = link->own[HPC_LINK_DATA_READY];
		sk->sk_state_change = link->own[HPC_LINK_STATE_CHANGE];
		sk->sk_error_report = link->own[HPC_LINK_ERROR_REPORT];
		sk->sk_user_data = NULL;
	}
	write_unlock_bh(&sk->sk_callback_lock);
}

/* --- life ------------------------------------------------------------------ */

/* After a connect() that did not wait the socket knows it before its file does. */
static bool link_connected(struct socket *sock)
{
	return sock->state == SS_CONNECTED ||
	       inet_sk_state_load(sock->sk) == TCP_ESTABLISHED;
}

/*
 * Taken inside page faults, while no user memory is touched under it: not the
 * class of other sockets.
 */
static void link_lockdep(struct sock *sk)
{
	static struct lock_class_key key;

	lockdep_init_map(&sk->sk_lock.dep_map, "sk_lock-hpc", &key, 0);
}

struct hpc_link *hpc_link_open(struct file *file)
{
	struct socket *sock = sock_from_file(file);
	struct hpc_link *link;

	if (sock) {
		/* Of other kinds some take locks that no page fault may. */
		if (!sock->sk || !sk_is_tcp(sock->sk) ||
		    !link_connected(sock) || sock->sk->sk_user_data)
			return ERR_PTR(-EOPNOTSUPP);
		tcp_sock_set_nodelay(sock->sk);
	} else if (!S_ISREG(file_inode(file)->i_mode)) {
		return ERR_PTR(-EOPNOTSUPP);
	}
	link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);
	if (!link)
		return ERR_PTR(-ENOMEM);
	if (sock)
		link_lockdep(sock->sk);
	link->file = get_file(file);
	link->sock = sock;
	link->timeout = LINK_TIMEOUT;
	return link;
}

void hpc_link_shutdown(struct hpc_link *link)
{
	if (link->sock)
		kernel_sock_shutdown(link->sock, SHUT_RDWR);
	if (!link->error)
		link->error = -ECONNRESET;
}

void hpc_link_deafen(struct hpc_link *link)
{
	link->deaf = true;
}

struct hpc_link *hpc_link_memory(void)
{
	struct hpc_link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	if (!link)
		return NULL;
	link->room = PAGE_SIZE;
	link->mem = kvmalloc(link->room, GFP_KERNEL);
	if (!link->mem) {
		kfree(link);
		return NULL;
	}
	return link;
}

void hpc_link_close(struct hpc_link *link)
{
	if (!link)
		return;
	if (link->mem) {
		kvfree(link->mem);
		kfree(link);
		return;
	}
	if (link->sock) {
		link_unwatch(link);
		kernel_sock_shutdown(link->sock, SHUT_RDWR);
	}
	fput(link->file);
	kfree(link);
}

/* --- waiting --------------------------------------------------------------- */

#define READABLE	(EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
#define WRITABLE	(EPOLLOUT | EPOLLHUP | EPOLLERR)

static __poll_t sock_state(struct socket *sock)
{
	/* No poll table: asks for the state, and for a wake-up when room comes. */
	return sock->ops->poll(NULL, sock, NULL);
}

bool hpc_link_readable(struct hpc_link *link)
{
	if (link->pos < link->end || link->error || link->deaf || !link->sock)
		return true;
	return sock_state(link->sock) & READABLE;
}

/*
 * Sockets wake only those who sleep interruptibly.  Somebody with a signal
 * pending cannot, so this wakes the sleeper whatever its state.
 */
static int sock_wake(struct wait_queue_entry *entry, unsigned int mode,
		     int flags, void *key)
{
	return default_wake_function(entry, TASK_NORMAL, flags, key);
}

int hpc_sock_sleep(struct socket *sock, __poll_t events, long *left)
{
	wait_queue_head_t *wq = sk_sleep(sock->sk);
	DEFINE_WAIT_FUNC(wait, sock_wake);
	int ret = 0;

	add_wait_queue(wq, &wait);
	for (;;) {
		set_current_state(TASK_KILLABLE);
		if (sock_state(sock) & events)
			break;
		if (fatal_signal_pending(current))
			ret = -EINTR;
		else if (!*left)
			ret = -ETIMEDOUT;
		if (ret)
			break;
		*left = schedule_timeout(*left);
	}
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(wq, &wait);
	return ret;
}

static int link_sleep(struct hpc_link *link, __poll_t events)
{
	long left = link->timeout;

	return hpc_sock_sleep(link->sock, events, &left);
}

int hpc_link_wait(struct hpc_link *link, bool (*stop)(void *data), void *data)
{
	wait_queue_head_t *wq = sk_sleep(link->sock->sk);

	return wait_event_interruptible(*wq, hpc_link_readable(link) ||
					     (stop && stop(data)));
}

void hpc_link_expect(struct hpc_link *link)
{
	WRITE_ONCE(link->expecting, true);
}

bool hpc_link_unexpect(struct hpc_link *link)
{
	WRITE_ONCE(link->expecting, false);
	/* Pairs with the socket's own barrier: one of us sees the other. */
	smp_mb();
	return hpc_link_readable(link);
}

static int link_fail(struct hpc_link *link, int error)
{
	if (!link->error)
		link->error = error;
	return link->error;
}

void hpc_link_patient(struct hpc_link *link, unsigned int ms)
{
	if (!link->sock || link->patience++)
		return;
	link->impatient = inet_csk(link->sock->sk)->icsk_user_timeout;
	/* Keepalive, which that overrules, finds a dead node all the same. */
	tcp_sock_set_user_timeout(link->sock->sk, ms);
}

void hpc_link_impatient(struct hpc_link *link)
{
	if (link->sock && !--link->patience)
		tcp_sock_set_user_timeout(link->sock->sk, link->impatient);
}

/* --- sending --------------------------------------------------------------- */

static int file_send(struct hpc_link *link, struct iov_iter *from)
{
	while (iov_iter_count(from)) {
		ssize_t n = vfs_iter_write(link->file, from,
					   &link->file->f_pos, 0);

		if (n <= 0)
			return link_fail(link, n ?: -ENOSPC);
		link->sent += n;
	}
	return 0;
}

static int memory_send(struct hpc_link *link, struct iov_iter *from)
{
	size_t len = iov_iter_count(from), room = link->room;
	u8 *mem;

	while (room - link->sent < len)
		room *= 2;
	if (room != link->room) {
		mem = kvrealloc(link->mem, room, GFP_KERNEL);
		if (!mem)
			return link_fail(link, -ENOMEM);
		link->mem = mem;
		link->room = room;
	}
	if (!copy_from_iter_full(link->mem + link->sent, len, from))
		return link_fail(link, -EFAULT);
	link->sent += len;
	return 0;
}

static int link_send_iter(struct hpc_link *link, struct iov_iter *from,
			  unsigned int flags)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | flags,
		.msg_iter  = *from,
	};
	int ret;

	if (link->error)
		return link->error;
	if (link->mem)
		return memory_send(link, from);
	if (!link->sock)
		return file_send(link, from);

	while (msg_data_left(&msg)) {
		ret = sock_sendmsg(link->sock, &msg);
		if (ret == -EAGAIN) {
			ret = link_sleep(link, WRITABLE);
			if (ret)
				return link_fail(link, ret);
			continue;
		}
		/* What the other side said before it went may still be read. */
		if (ret == -EPIPE || ret == -ECONNRESET)
			return -ECONNRESET;
		if (ret < 0)
			return link_fail(link, ret);
		link->sent += ret;
	}
	return 0;
}

int hpc_link_send_kvec(struct hpc_link *link, u16 type, struct kvec *vec,
		       unsigned int n, u32 len)
{
	struct hpc_frame frame = {
		.type	= cpu_to_le16(type),
		.len	= cpu_to_le32(len),
	};
	struct iov_iter from;

	/* The caller leaves room for the header in the first place. */
	vec[0] = (struct kvec) { &frame, sizeof(frame) };
	iov_iter_kvec(&from, ITER_SOURCE, vec, n, sizeof(frame) + len);
	return link_send_iter(link, &from, 0);
}

int hpc_link_send_on(struct hpc_link *link, const struct hpc_link *memory)
{
	struct kvec vec = { memory->mem, memory->sent };
	struct iov_iter from;

	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, vec.iov_len);
	return link_send_iter(link, &from, 0);
}

int hpc_link_send(struct hpc_link *link, u16 type, const void *body, u32 len)
{
	struct kvec vec[2] = { [1] = { (void *)body, len } };

	return hpc_link_send_kvec(link, type, vec, 2, len);
}

/* Others follow at once, so no small packet need go out for its last bytes. */
static bool is_followed(u16 type)
{
	return type == HPC_F_PAGES || type == HPC_F_PART;
}

int hpc_link_send_pages(struct hpc_link *link, u16 type, const void *head,
			u32 head_len, struct bio_vec *bvec, unsigned int n,
			u32 len)
{
	struct hpc_frame frame = {
		.type	= cpu_to_le16(type),
		.len	= cpu_to_le32(head_len + len),
	};
	struct kvec vec[2] = {
		{ &frame, sizeof(frame) }, { (void *)head, head_len },
	};
	struct iov_iter from;
	int ret;

	iov_iter_kvec(&from, ITER_SOURCE, vec, 2, sizeof(frame) + head_len);
	ret = link_send_iter(link, &from, len ? MSG_MORE : 0);
	if (ret || !len)
		return ret;
	iov_iter_bvec(&from, ITER_SOURCE, bvec, n, len);
	return link_send_iter(link, &from, MSG_SPLICE_PAGES |
			      (is_followed(type) ? MSG_MORE : 0));
}

/* --- receiving ------------------------------------------------------------- */

/*
 * Page faults take the socket's lock, when they fetch from home; so what holds it
 * must not fault.  The caller sees to it that the memory is there.
 */
static ssize_t sock_read_some(struct socket *sock, struct iov_iter *to)
{
	struct msghdr msg = { .msg_iter = *to };
	ssize_t n;

	pagefault_disable();
	n = sock_recvmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	pagefault_enable();
	if (n > 0)
		iov_iter_advance(to, n);
	return n;
}

/* As much of what follows as is worth a look at the page tables. */
#define FAULT_IN	SZ_256K

/* Reads what there is, at least one byte, at most what @to takes. */
static ssize_t link_read_some(struct hpc_link *link, struct iov_iter *to)
{
	size_t some = min_t(size_t, iov_iter_count(to), FAULT_IN);
	ssize_t n;
	int ret;

	if (link->error)
		return link->error;
	if (link->deaf)
		return -EINTR;
	for (;;) {
		if (link->sock)
			n = sock_read_some(link->sock, to);
		else
			n = vfs_iter_read(link->file, to, &link->file->f_pos, 0);
		if (n > 0) {
			link->received += n;
			return n;
		}
		if (n == 0)
			return link_fail(link, -ECONNRESET);
		if (n == -EFAULT && user_backed_iter(to) &&
		    fault_in_iov_iter_writeable(to, some) != some)
			continue;
		/* Bad memory is the caller's affair, the stream is intact. */
		if (n == -EFAULT)
			return n;
		if (n != -EAGAIN)
			return link_fail(link, n);
		ret = link_sleep(link, READABLE);
		if (ret == -EINTR)
			hpc_link_deafen(link);
		else if (ret)
			link_fail(link, ret);
		if (ret)
			return ret;
	}
}

static int link_fill(struct hpc_link *link)
{
	struct kvec vec = { link->buf, sizeof(link->buf) };
	struct iov_iter to;
	ssize_t n;

	iov_iter_kvec(&to, ITER_DEST, &vec, 1, vec.iov_len);
	n = link_read_some(link, &to);
	if (n < 0)
		return n;
	link->pos = 0;
	link->end = n;
	return 0;
}

int hpc_link_recv_iter(struct hpc_link *link, struct iov_iter *to)
{
	while (iov_iter_count(to)) {
		size_t have = link->end - link->pos;
		ssize_t n;

		if (have) {
			size_t want = min(have, iov_iter_count(to));
			size_t got = copy_to_iter(link->buf + link->pos, want, to);

			link->pos += got;
			if (got != want)
				return -EFAULT;
		} else if (iov_iter_count(to) >= sizeof(link->buf)) {
			n = link_read_some(link, to);
			if (n < 0)
				return n;
		} else {
			n = link_fill(link);
			if (n < 0)
				return n;
		}
	}
	return 0;
}

int hpc_link_recv(struct hpc_link *link, void *to, size_t len)
{
	struct kvec vec = { to, len };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, len);
	return hpc_link_recv_iter(link, &iter);
}

/* --- receiving into a pipe ------------------------------------------------- */

static int splice_skb(read_descriptor_t *desc, struct sk_buff *skb,
		      unsigned int offset, size_t len)
{
	int n = skb_splice_bits(skb, skb->sk, offset, desc->arg.data,
				min(desc->count, len), 0);

	if (n > 0)
		desc->count -= n;
	return n;
}

/* What is there already; 0 if nothing. */
static int sock_splice(struct socket *sock, struct pipe_inode_info *pipe,
		       size_t len)
{
	read_descriptor_t desc = { .arg.data = pipe, .count = len };
	int n;

	lock_sock(sock->sk);
	n = sock->ops->read_sock(sock->sk, &desc, splice_skb);
	release_sock(sock->sk);
	return max(n, 0);
}

/* What was read ahead, or else waits for something. */
static ssize_t copy_to_page(struct hpc_link *link, struct page *page, size_t len)
{
	size_t n;
	int ret;

	if (link->pos == link->end) {
		ret = link_fill(link);
		if (ret)
			return ret;
	}
	n = min_t(size_t, len, link->end - link->pos);
	memcpy(page_address(page), link->buf + link->pos, n);
	link->pos += n;
	return n;
}

ssize_t hpc_link_splice(struct hpc_link *link, struct pipe_inode_info *pipe,
			size_t len)
{
	struct pipe_buffer buf = { .ops = &nosteal_pipe_buf_ops };
	ssize_t n = 0;

	BUILD_BUG_ON(HPC_LINK_BUFFER > PAGE_SIZE);
	if (link->sock && link->pos == link->end && !link->error && !link->deaf)
		n = sock_splice(link->sock, pipe, len);
	if (n) {
		link->received += n;
		return n;
	}
	buf.page = alloc_page(GFP_KERNEL);
	if (!buf.page)
		return -ENOMEM;
	n = copy_to_page(link, buf.page, len);
	if (n < 0) {
		put_page(buf.page);
		return n;
	}
	buf.len = n;
	*pipe_buf(pipe, pipe->head++) = buf;
	return n;
}

int hpc_link_recv_body(struct hpc_link *link, void *to, size_t size, u32 len)
{
	return len == size ? hpc_link_recv(link, to, size) : -EPROTO;
}

int hpc_link_skip(struct hpc_link *link, size_t len)
{
	while (len) {
		size_t n;
		int ret;

		if (link->pos == link->end) {
			ret = link_fill(link);
			if (ret)
				return ret;
		}
		n = min_t(size_t, len, link->end - link->pos);
		link->pos += n;
		len -= n;
	}
	return 0;
}

int hpc_link_recv_frame(struct hpc_link *link, u16 *type, u32 *len)
{
	struct hpc_frame frame;
	int ret;

	ret = hpc_link_recv(link, &frame, sizeof(frame));
	if (ret)
		return ret;
	if (frame.reserved)
		return link_fail(link, -EPROTO);
	*type = le16_to_cpu(frame.type);
	*len = le32_to_cpu(frame.len);
	return 0;
}
