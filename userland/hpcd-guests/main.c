// SPDX-License-Identifier: GPL-2.0-only
/* hpcd-guests, the keeper of a guest container; see hpcd/keeper.h. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hpc.h"
#include "hpcd/clock.h"
#include "hpcd/keeper.h"
#include "hpcd/proto.h"
#include "hpcd/sandbox.h"

#define CLIENTS_MAX	128
#define NS_PER_S	1000000000LL

/* A guest that just left may still have the PID that it comes back with. */
#define PID_WAIT_MS	2000

/* If memory runs out, guests go first and the keeper last. */
#define OOM_KEEPER	"-1000"
#define OOM_GUEST	"500"

#define CAP(c) (1ULL << (c))
/* set_tid, host name and time name spaces; guests' identity; OOM_KEEPER. */
#define KEEPER_CAPS	(CAP(CAP_SYS_ADMIN) | CAP(CAP_SETUID) | CAP(CAP_SETGID) | \
			 CAP(CAP_SETPCAP) | CAP(CAP_SYS_RESOURCE))

enum {
	SLOT_SIGNAL,
	SLOT_LISTENER,
	SLOT_CLIENT,
	SLOTS = SLOT_CLIENT + CLIENTS_MAX
};

/**
 * struct state - of the running keeper
 * @node:	of home
 * @linger_ms:	how long to stay without guests
 * @offsets:	/proc/self/timens_offsets, opened as root
 * @oom:	/proc/self/oom_score_adj, likewise
 * @slot:	what is waited for; unused ones have fd -1
 * @told:	to end as soon as there is no guest
 * @idle_since:	ms, while there is no guest; 0: there is one
 */
struct state {
	uint32_t node;
	int linger_ms;
	int offsets;
	int oom;
	struct pollfd slot[SLOTS];
	bool told;
	int64_t idle_since;
};

/* --- guests -------------------------------------------------------------------------- */

/* To a file of /proc, which has no position. */
static int proc_write(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* A time name space for the next child, a little behind or ahead of ours. */
static int space_of_time(struct state *s, const struct hpcd_offsets *o)
{
	int64_t mono = o->monotonic, boot = o->boottime;
	int64_t mono_s = mono / NS_PER_S, boot_s = boot / NS_PER_S;
	char text[128];

	/* Nanoseconds count up from the second below. */
	if (mono % NS_PER_S < 0)
		mono_s--;
	if (boot % NS_PER_S < 0)
		boot_s--;
	if (unshare(CLONE_NEWTIME))
		return -errno;
	snprintf(text, sizeof(text), "monotonic %lld %lld\nboottime %lld %lld\n",
		 (long long)mono_s, (long long)(mono - mono_s * NS_PER_S),
		 (long long)boot_s, (long long)(boot - boot_s * NS_PER_S));
	return proc_write(s->offsets, text);
}

static int name_host(const struct hpcd_keeper_request *r)
{
	if (sethostname(r->host, strnlen(r->host, sizeof(r->host) - 1)) ||
	    setdomainname(r->domain, strnlen(r->domain, sizeof(r->domain) - 1)))
		return -errno;
	return 0;
}

static void __attribute__((noreturn)) guest_run(const struct state *s, int sock)
{
	uint8_t accept[HPCD_MESSAGE_MAX];
	size_t len = hpcd_accept_put(accept);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* Capabilities while there is still the right to give them up. */
	if (hpcd_sandbox_bounds(0) ||
	    hpcd_sandbox_capabilities(CAP(CAP_SETUID) | CAP(CAP_SETGID)) ||
	    hpcd_sandbox_identity(HPCD_GUEST_UID + s->node) ||
	    hpcd_sandbox_capabilities(0))
		_exit(1);
	if (send(sock, accept, len, MSG_NOSIGNAL) != (ssize_t)len)
		_exit(1);
	/* On failure home is told by the engine, or by the connection's end. */
	hpc_receive(HPCD_KEEPER_ENGINE, sock);
	_exit(1);
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* A fork with the PID of our choice. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal	= SIGCHLD,
		.set_tid	= (uintptr_t)&pid,
		.set_tid_size	= 1,
	};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	return child < 0 ? -errno : child;
}

static pid_t fork_when_free(struct state *s, pid_t pid)
{
	int64_t deadline = hpcd_now_ms() + PID_WAIT_MS;
	struct signalfd_siginfo info;
	pid_t child;

	while ((child = fork_as(pid)) == -EEXIST && hpcd_now_ms() < deadline) {
		if (poll(&s->slot[SLOT_SIGNAL], 1, 100) > 0 &&
		    read(s->slot[SLOT_SIGNAL].fd, &info, sizeof(info)) == sizeof(info) &&
		    info.ssi_signo == SIGTERM)
			s->told = true;
		reap();
	}
	return child;
}

static int guest_begin(struct state *s, const struct hpcd_keeper_request *r, int sock)
{
	pid_t child;
	int ret;

	ret = name_host(r);
	if (!ret)
		ret = space_of_time(s, &r->offsets);
	if (!ret)
		ret = proc_write(s->oom, OOM_GUEST);
	if (ret)
		return ret;
	child = fork_when_free(s, r->pid);
	if (!child)
		guest_run(s, sock);
	proc_write(s->oom, OOM_KEEPER);
	return child < 0 ? child : 0;
}

/* --- clients --------------------------------------------------------------------------- */

static void client_close(struct pollfd *slot)
{
	close(slot->fd);
	slot->fd = -1;
}

static void client_accept(struct state *s)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int i, fd = accept4(s->slot[SLOT_LISTENER].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.uid != 0) {
		close(fd);
		return;
	}
	for (i = SLOT_CLIENT; i < SLOTS; i++) {
		if (s->slot[i].fd < 0) {
			s->slot[i] = (struct pollfd) { .fd = fd, .events = POLLIN };
			return;
		}
	}
	close(fd);
}

/* A request, and the connection that comes with it.  0: not a whole one. */
static ssize_t request_receive(int fd, struct hpcd_keeper_request *r, int *ret_sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = r, .iov_len = sizeof(*r) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c;
	ssize_t n;

	*ret_sock = -1;
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_sock, CMSG_DATA(c), sizeof(int));
	return n == sizeof(*r) && r->magic == HPCD_KEEPER_MAGIC && *ret_sock >= 0 ? n : 0;
}

static void client_serve(struct state *s, struct pollfd *slot)
{
	struct hpcd_keeper_request r;
	int32_t answer = -EINVAL;
	int sock;
	ssize_t n = request_receive(slot->fd, &r, &sock);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n < 0) {
		client_close(slot);
		return;
	}
	if (n > 0)
		answer = guest_begin(s, &r, sock);
	if (sock >= 0)
		close(sock);
	if (send(slot->fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		client_close(slot);
}

/* --- life ---------------------------------------------------------------------------------- */

/* Anybody but us in this PID name space? */
static bool has_guests(void)
{
	return !kill(-1, 0) || errno != ESRCH;
}

/* Up to when to wait for something to happen; 0: this is the end. */
static int patience(struct state *s)
{
	int64_t now = hpcd_now_ms(), left;

	if (has_guests()) {
		s->idle_since = 0;
		return -1;
	}
	if (!s->idle_since)
		s->idle_since = now;
	left = s->idle_since + s->linger_ms - now;
	return s->told || left <= 0 ? 0 : (int)left;
}

static void signals_take(struct state *s)
{
	struct signalfd_siginfo info;

	while (read(s->slot[SLOT_SIGNAL].fd, &info, sizeof(info)) == sizeof(info))
		s->told |= info.ssi_signo == SIGTERM;
	reap();
}

static void serve(struct state *s)
{
	int i, timeout;

	while ((timeout = patience(s)) != 0) {
		if (poll(s->slot, SLOTS, timeout) <= 0)
			continue;
		if (s->slot[SLOT_SIGNAL].revents)
			signals_take(s);
		for (i = SLOT_CLIENT; i < SLOTS; i++)
			if (s->slot[i].fd >= 0 && s->slot[i].revents)
				client_serve(s, &s->slot[i]);
		if (s->slot[SLOT_LISTENER].revents)
			client_accept(s);
	}
}

static void __attribute__((noreturn)) not_ready(int error, const char *step)
{
	struct hpcd_keeper_ready r = { .error = error };

	snprintf(r.step, sizeof(r.step), "%s", step);
	/* Whoever waits sees the end in any case. */
	_exit(write(HPCD_KEEPER_READY, &r, sizeof(r)) != sizeof(r) ? 2 : 1);
}

static int signals_open(void)
{
	sigset_t set;
	int fd;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void descriptors_setup(struct state *s)
{
	int null, i;

	close_range(HPCD_KEEPER_FDS, ~0U, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	s->offsets = open("/proc/self/timens_offsets", O_RDWR | O_CLOEXEC);
	s->oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (null < 0 || s->offsets < 0 || s->oom < 0)
		not_ready(-errno, "opening /dev/null, timens_offsets or oom_score_adj");
	for (i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	for (i = 0; i < SLOTS; i++)
		s->slot[i] = (struct pollfd) { .fd = -1, .events = POLLIN };
	s->slot[SLOT_LISTENER].fd = HPCD_KEEPER_LISTENER;
	s->slot[SLOT_SIGNAL].fd = signals_open();
	if (s->slot[SLOT_SIGNAL].fd < 0)
		not_ready(s->slot[SLOT_SIGNAL].fd, "opening a signalfd");
}

static void setup(struct state *s)
{
	int ret;

	setsid();
	umask(077);
	descriptors_setup(s);
	ret = proc_write(s->oom, OOM_KEEPER);
	if (ret)
		not_ready(ret, "setting oom_score_adj");
	if (unshare(CLONE_NEWCGROUP))
		not_ready(-errno, "making a control group name space");
	ret = hpcd_sandbox_root();
	if (ret)
		not_ready(ret, "making an empty root");
	ret = hpcd_sandbox_bounds(KEEPER_CAPS);
	if (!ret)
		ret = hpcd_sandbox_capabilities(KEEPER_CAPS);
	if (ret)
		not_ready(ret, "dropping capabilities");
	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		not_ready(-errno, "giving up rights");
}

int main(int argc, char **argv)
{
	struct hpcd_keeper_ready ready = { 0 };
	struct state s = { 0 };

	if (argc != 3 || getpid() != 1) {
		fputs("hpcd-guests: is started by hpcd alone\n", stderr);
		return 2;
	}
	s.node = strtoul(argv[1], NULL, 10);
	s.linger_ms = atoi(argv[2]);
	setup(&s);
	if (write(HPCD_KEEPER_READY, &ready, sizeof(ready)) != sizeof(ready))
		return 1;
	close(HPCD_KEEPER_READY);
	serve(&s);
	return 0;
}
