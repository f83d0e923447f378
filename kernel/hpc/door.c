// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second link beside a first: one side opens a door at its own address, the
 * other comes in with a token it was told over the first.
 *
 * Both threads may have signals pending, so they sleep killably, see link.c.
 */

#include <crypto/utils.h>
#include <linux/file.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "internal.h"
#include "link.h"

#define DOOR_TIMEOUT	(10 * HZ)

typedef int (*getname_t)(struct socket *sock, struct sockaddr *addr);

/* The address of one end of a link with another port.  Its length. */
static int address(const struct hpc_link *link, getname_t getname,
		   struct sockaddr_storage *addr, u16 port)
{
	int len = getname(link->sock, (struct sockaddr *)addr);

	if (len < 0)
		return len;
	if (addr->ss_family == AF_INET)
		((struct sockaddr_in *)addr)->sin_port = htons(port);
	else if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
	else
		return -EOPNOTSUPP;
	return len;
}

static struct socket *new_socket(const struct hpc_link *link)
{
	struct socket *sock;
	int ret;

	if (!link->sock)
		return ERR_PTR(-EOPNOTSUPP);
	ret = sock_create_kern(sock_net(link->sock->sk),
			       link->sock->sk->sk_family, SOCK_STREAM,
			       IPPROTO_TCP, &sock);
	return ret ? ERR_PTR(ret) : sock;
}

/* How soon a dead node is noticed is for both links the same. */
static void inherit_options(struct sock *to, const struct sock *from)
{
	const struct tcp_sock *tp = tcp_sk(from);

	tcp_sock_set_user_timeout(to, inet_csk(from)->icsk_user_timeout);
	if (!sock_flag(from, SOCK_KEEPOPEN))
		return;
	if (tp->keepalive_time)
		tcp_sock_set_keepidle(to, tp->keepalive_time / HZ);
	if (tp->keepalive_intvl)
		tcp_sock_set_keepintvl(to, tp->keepalive_intvl / HZ);
	if (tp->keepalive_probes)
		tcp_sock_set_keepcnt(to, tp->keepalive_probes);
	sock_set_keepalive(to);
}

/* Takes over @sock. */
static struct hpc_link *link_of(struct socket *sock, const struct hpc_link *first)
{
	struct hpc_link *link;
	struct file *file;

	inherit_options(sock->sk, first->sock->sk);
	file = sock_alloc_file(sock, O_RDWR, NULL);
	if (IS_ERR(file))
		return ERR_CAST(file);
	link = hpc_link_open(file);
	fput(file);
	return link;
}

/* --- the side that opens --------------------------------------------------- */

static struct socket *listen_beside(struct hpc_link *link, u16 *port)
{
	struct sockaddr_storage addr;
	struct socket *door;
	int ret;

	door = new_socket(link);
	if (IS_ERR(door))
		return door;
	ret = address(link, kernel_getsockname, &addr, 0);
	if (ret > 0)
		ret = kernel_bind(door, (struct sockaddr *)&addr, ret);
	if (!ret)
		ret = kernel_listen(door, 64);
	if (ret < 0) {
		sock_release(door);
		return ERR_PTR(ret);
	}
	*port = inet_sk(door->sk)->inet_num;
	return door;
}

struct socket *hpc_link_listen(struct hpc_link *link, struct hpc_wire_listen *w)
{
	struct socket *door;
	u16 port = 0;
	int ret;

	memset(w, 0, sizeof(*w));
	door = listen_beside(link, &port);
	if (IS_ERR(door))
		w->error = cpu_to_le32(-PTR_ERR(door));
	w->port = cpu_to_le16(port);
	get_random_bytes(w->token, sizeof(w->token));
	ret = hpc_link_send(link, HPC_F_LISTEN, w, sizeof(*w));
	if (ret && !IS_ERR(door)) {
		sock_release(door);
		return ERR_PTR(ret);
	}
	return door;
}

static bool same_peer(struct socket *sock, const struct hpc_link *link)
{
	struct sockaddr_storage a = {}, b = {};
	int len;

	len = kernel_getpeername(sock, (struct sockaddr *)&a);
	if (len < 0 || len != address(link, kernel_getpeername, &b, 0))
		return false;
	if (a.ss_family == AF_INET)
		((struct sockaddr_in *)&a)->sin_port = 0;
	else
		((struct sockaddr_in6 *)&a)->sin6_port = 0;
	return !memcmp(&a, &b, len);
}

static bool knows(struct hpc_link *link, const u8 *token, u32 *tid)
{
	struct hpc_wire_token told;
	u16 type;
	u32 len;

	link->timeout = DOOR_TIMEOUT / 2;
	if (hpc_link_recv_frame(link, &type, &len) || type != HPC_F_TOKEN ||
	    hpc_link_recv_body(link, &told, sizeof(told), len))
		return false;
	*tid = le32_to_cpu(told.tid);
	return !crypto_memneq(told.token, token, sizeof(told.token));
}

struct hpc_link *hpc_link_accept(struct hpc_link *link, struct socket *door,
				 const u8 *token, u32 *tid)
{
	long left = DOOR_TIMEOUT;
	struct hpc_link *second;
	struct socket *sock;
	int ret;

	/* Strangers are sent away, and do not make the wait longer. */
	for (;;) {
		ret = hpc_sock_sleep(door, EPOLLIN, &left);
		if (ret)
			return ERR_PTR(ret);
		if (kernel_accept(door, &sock, O_NONBLOCK))
			continue;
		if (!same_peer(sock, link)) {
			sock_release(sock);
			continue;
		}
		second = link_of(sock, link);
		if (IS_ERR(second))
			return second;
		if (knows(second, token, tid))
			return second;
		hpc_link_close(second);
	}
}

/* --- the side that comes in ------------------------------------------------ */

static struct hpc_link *come_in(struct hpc_link *link, u16 port)
{
	long left = DOOR_TIMEOUT / 2;
	struct sockaddr_storage addr;
	struct socket *sock;
	int len, ret;

	sock = new_socket(link);
	if (IS_ERR(sock))
		return ERR_CAST(sock);
	len = address(link, kernel_getpeername, &addr, port);
	ret = len < 0 ? len : kernel_connect(sock, (struct sockaddr *)&addr, len,
					     O_NONBLOCK);
	if (ret == -EINPROGRESS) {
		ret = hpc_sock_sleep(sock, EPOLLOUT | EPOLLERR | EPOLLHUP, &left);
		if (!ret)
			ret = kernel_connect(sock, (struct sockaddr *)&addr, len,
					     O_NONBLOCK);
	}
	if (ret) {
		sock_release(sock);
		return ERR_PTR(ret);
	}
	return link_of(sock, link);
}

struct hpc_link *hpc_link_connect(struct hpc_link *link,
				  const struct hpc_wire_listen *at, u32 tid)
{
	struct hpc_wire_token w = { .tid = cpu_to_le32(tid) };
	struct hpc_link *second;
	int ret;

	second = come_in(link, le16_to_cpu(at->port));
	if (IS_ERR(second))
		return second;
	memcpy(w.token, at->token, sizeof(w.token));
	ret = hpc_link_send(second, HPC_F_TOKEN, &w, sizeof(w));
	if (ret) {
		hpc_link_close(second);
		return ERR_PTR(ret);
	}
	return second;
}
