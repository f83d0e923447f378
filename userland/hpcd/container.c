// SPDX-License-Identifier: GPL-2.0-only
/* Finding, making and clearing away guest containers. */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "cgroup.h"
#include "container.h"
#include "hpc.h"

#define TRIES		3	/* a container may end just when it is found */
#define READY_MS	25000
#define ANSWER_MS	25000

/* --- names ------------------------------------------------------------------------------ */

void hpcd_container_name(uint32_t node, const uint8_t boot_id[HPCD_BOOT_ID_SIZE],
			 char ret_name[HPCD_CONTAINER_NAME])
{
	int n = snprintf(ret_name, HPCD_CONTAINER_NAME, "%u-", node & 0xffff);
	size_t i;

	for (i = 0; i < HPCD_BOOT_ID_SIZE; i++)
		n += snprintf(ret_name + n, HPCD_CONTAINER_NAME - n, "%02x", boot_id[i]);
}

bool hpcd_container_parse(const char *name, uint32_t *ret_node)
{
	uint8_t boot_id[HPCD_BOOT_ID_SIZE];
	char own[HPCD_CONTAINER_NAME], *end;
	unsigned long node = strtoul(name, &end, 10);

	if (*end != '-' || node < HPC_NODE_MIN || node > HPC_NODE_MAX ||
	    hpcd_boot_id_parse(end + 1, boot_id))
		return false;
	/* No other spelling. */
	hpcd_container_name(node, boot_id, own);
	if (strcmp(own, name) != 0)
		return false;
	*ret_node = node;
	return true;
}

static void address_of(const char *name, struct sockaddr_un *ret_un)
{
	*ret_un = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(ret_un->sun_path, sizeof(ret_un->sun_path), HPCD_GUESTS_DIR "/%s.sock", name);
}

/* Ends with the descriptor. */
static int lock(int how)
{
	int error, fd;

	fd = open(HPCD_GUESTS_DIR "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!flock(fd, how))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* --- making --------------------------------------------------------------------------------- */

static int listen_at(const char *name)
{
	struct sockaddr_un un;
	int error, fd;

	address_of(name, &un);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(un.sun_path);
	if (!bind(fd, (const struct sockaddr *)&un, sizeof(un)) && !chmod(un.sun_path, 0600) &&
	    !listen(fd, 64))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static pid_t fork_into(int cgroup)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
			 CLONE_NEWNET | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

/* The keeper's word that it is set up. */
static int await_ready(int fd, char *ret_what, size_t size)
{
	struct hpcd_keeper_ready ready = { .error = -EPIPE, .step = "it ended at once" };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, READY_MS) != 1) {
		snprintf(ret_what, size, "a guest container was not set up within %d s",
			 READY_MS / 1000);
		return -ETIMEDOUT;
	}
	if (read(fd, &ready, sizeof(ready)) == sizeof(ready) && !ready.error)
		return 0;
	ready.step[sizeof(ready.step) - 1] = '\0';
	snprintf(ret_what, size, "setting up a guest container: %s: %s", ready.step,
		 strerror(-ready.error));
	return ready.error;
}

/* In the keeper to be. */
static void __attribute__((noreturn)) become_keeper(const struct hpcd_arrival *a, int listener,
						    int ready)
{
	char node[16], linger[16];
	char *argv[] = { (char *)"hpcd-guests", node, linger, NULL }, *env[] = { NULL };
	struct hpcd_keeper_ready r = { .step = "starting '" HPCD_KEEPER "'" };
	int fds[] = { a->engine, listener, ready }, i;

	snprintf(node, sizeof(node), "%u", a->node);
	snprintf(linger, sizeof(linger), "%d", a->linger_ms);
	/* First out of the way of each other. */
	for (i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, HPCD_KEEPER_FDS);
	for (i = 0; i < 3; i++)
		dup2(fds[i], HPCD_KEEPER_ENGINE + i);
	execve(HPCD_KEEPER, argv, env);
	r.error = -errno;
	_exit(write(fds[2], &r, sizeof(r)) == sizeof(r) ? 1 : 2);
}

static int keeper_begin(const struct hpcd_arrival *a, int cgroup, int listener, char *ret_what,
			size_t size)
{
	int ready[2], ret;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC)) {
		snprintf(ret_what, size, "making a pipe: %s", strerror(errno));
		return -errno;
	}
	pid = fork_into(cgroup);
	if (!pid)
		become_keeper(a, listener, ready[1]);
	close(ready[1]);
	if (pid < 0) {
		snprintf(ret_what, size, "making a guest container: %s", strerror(-pid));
		ret = pid;
	} else {
		ret = await_ready(ready[0], ret_what, size);
		if (ret)
			kill(pid, SIGKILL);
	}
	close(ready[0]);
	return ret;
}

static int make(const struct hpcd_arrival *a, const char *name, char *ret_what, size_t size)
{
	int cgroup, listener, ret;

	cgroup = hpcd_cgroup_open(name, ret_what, size);
	if (cgroup < 0)
		return cgroup;
	listener = listen_at(name);
	if (listener < 0) {
		snprintf(ret_what, size, "listening in '" HPCD_GUESTS_DIR "': %s",
			 strerror(-listener));
		ret = listener;
	} else {
		ret = keeper_begin(a, cgroup, listener, ret_what, size);
		close(listener);
	}
	close(cgroup);
	return ret;
}

/* --- finding ------------------------------------------------------------------------------- */

int hpcd_container_watch(const char *name)
{
	struct sockaddr_un un;
	int error, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	address_of(name, &un);
	if (!connect(fd, (const struct sockaddr *)&un, sizeof(un)))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static bool is_none(int error)
{
	return error == -ECONNREFUSED || error == -ENOENT;
}

static int find_or_make(const struct hpcd_arrival *a, const char *name, char *ret_what,
			size_t size)
{
	int fd, held, ret;

	fd = hpcd_container_watch(name);
	if (!is_none(fd))
		goto out;
	held = lock(LOCK_EX);
	if (held < 0) {
		snprintf(ret_what, size, "locking in '" HPCD_GUESTS_DIR "': %s", strerror(-held));
		return held;
	}
	/* Somebody else may have made it meanwhile. */
	fd = hpcd_container_watch(name);
	if (is_none(fd)) {
		ret = make(a, name, ret_what, size);
		if (ret) {
			close(held);
			return ret;
		}
		fd = hpcd_container_watch(name);
	}
	close(held);
out:
	if (fd < 0)
		snprintf(ret_what, size, "the guest container does not answer: %s", strerror(-fd));
	return fd;
}

/* --- using ----------------------------------------------------------------------------------- */

static int hand_in(int keeper, const struct hpcd_keeper_request *request, int sock)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)request, .iov_len = sizeof(*request) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &sock, sizeof(int));
	return sendmsg(keeper, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The keeper's answer; -ECONNRESET: it has ended. */
static int await_answer(int keeper)
{
	struct pollfd p = { .fd = keeper, .events = POLLIN };
	int32_t answer;
	ssize_t n;

	if (poll(&p, 1, ANSWER_MS) != 1)
		return -ETIMEDOUT;
	n = recv(keeper, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	return n == sizeof(answer) ? answer : -ECONNRESET;
}

int hpcd_container_enter(const struct hpcd_arrival *arrival, int sock, char *ret_what, size_t size)
{
	char name[HPCD_CONTAINER_NAME];
	int keeper, ret = -ECONNRESET, tries;

	hpcd_container_name(arrival->node, arrival->boot_id, name);
	for (tries = 0; tries < TRIES; tries++) {
		keeper = find_or_make(arrival, name, ret_what, size);
		if (keeper < 0)
			return keeper;
		hpcd_cgroup_limit(name, arrival->available);
		ret = hand_in(keeper, &arrival->request, sock);
		if (!ret)
			ret = await_answer(keeper);
		close(keeper);
		if (ret != -ECONNRESET && ret != -EPIPE)
			break;
	}
	if (ret == -EEXIST)
		snprintf(ret_what, size, "a guest with PID %u is there already",
			 arrival->request.pid);
	else if (ret)
		snprintf(ret_what, size, "the guest container did not take the process: %s",
			 strerror(-ret));
	return ret;
}

/* --- clearing -------------------------------------------------------------------------------- */

int hpcd_container_clear(const char *name)
{
	int held = lock(LOCK_EX | LOCK_NB), fd, ret;
	struct sockaddr_un un;

	if (held < 0)
		return held;
	fd = hpcd_container_watch(name);
	if (!is_none(fd)) {
		/* A new one, with the name of the old. */
		if (fd >= 0)
			close(fd);
		close(held);
		return 0;
	}
	address_of(name, &un);
	unlink(un.sun_path);
	ret = hpcd_cgroup_remove(name);
	close(held);
	return ret;
}
