// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting the process of a session.
 *
 * The child reports a failed chdir or exec through a pipe that exec closes, so
 * "no such program" is told apart from a program that exits with 127.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "spawn.h"

struct failure {
	int error;
	enum { STEP_STDIO, STEP_CHDIR, STEP_EXEC } step;
};

static const char *const step_names[] = {
	[STEP_STDIO] = "standard input and output",
	[STEP_CHDIR] = "chdir",
	[STEP_EXEC] = "exec",
};

enum { IN_R, IN_W, OUT_R, OUT_W, ERR_R, ERR_W, FAIL_R, FAIL_W, FDS };

static void close_fds(int *fds)
{
	for (int i = 0; i < FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int open_pipes(int *fds)
{
	for (int i = 0; i < FAIL_R; i += 2)
		if (pipe2(fds + i, O_CLOEXEC) < 0)
			return -errno;
	return 0;
}

/* The pty takes the place of the pipes: master in OUT_R and IN_W, slave in IN_R. */
static int open_pty(const struct agent_run *run, int *fds)
{
	struct winsize size = { .ws_row = run->rows, .ws_col = run->cols };
	int unlock = 0;

	fds[OUT_R] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fds[OUT_R] < 0 || ioctl(fds[OUT_R], TIOCSPTLCK, &unlock) < 0)
		return -errno;
	fds[IN_R] = ioctl(fds[OUT_R], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fds[IN_R] < 0 || ioctl(fds[OUT_R], TIOCSWINSZ, &size) < 0)
		return -errno;
	fds[IN_W] = fcntl(fds[OUT_R], F_DUPFD_CLOEXEC, 3);
	return fds[IN_W] < 0 ? -errno : 0;
}

static _Noreturn void child_fail(int fd, int step)
{
	struct failure f = { .error = errno, .step = step };

	if (write(fd, &f, sizeof(f)) < 0)
		_exit(126);
	_exit(127);
}

static void set_environment(const struct agent_run *run)
{
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	for (size_t i = 0; i < run->envc; i++)
		putenv(run->envp[i]);
}

static _Noreturn void child(const struct agent_run *run, const int *fds)
{
	bool pty = run->flags & AGENT_RUN_PTY;
	int out = pty ? fds[IN_R] : fds[OUT_W], err = pty ? fds[IN_R] : fds[ERR_W];
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(fds[IN_R], 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
	    (pty && ioctl(0, TIOCSCTTY, 0) < 0))
		child_fail(fds[FAIL_W], STEP_STDIO);
	set_environment(run);
	if (*run->cwd ? chdir(run->cwd) < 0 : chdir("/root") < 0 && chdir("/") < 0)
		child_fail(fds[FAIL_W], STEP_CHDIR);
	execvp(run->argv[0], run->argv);
	child_fail(fds[FAIL_W], STEP_EXEC);
}

/* Waits until the child has executed its program (0) or could not (-errno). */
static int await_exec(int fd, const char **ret_step)
{
	struct failure f;
	ssize_t n;

	do {
		n = read(fd, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(f))
		return 0;
	*ret_step = step_names[f.step];
	return -f.error;
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int spawn(const struct agent_run *run, struct spawned *ret, const char **ret_step)
{
	int fds[FDS] = { -1, -1, -1, -1, -1, -1, -1, -1 }, r;
	bool pty = run->flags & AGENT_RUN_PTY;
	pid_t pid;

	*ret_step = pty ? "terminal (is devpts mounted on /dev/pts?)" : "pipe";
	r = pty ? open_pty(run, fds) : open_pipes(fds);
	if (!r && pipe2(fds + FAIL_R, O_CLOEXEC) < 0)
		r = -errno;
	if (r)
		goto out;
	*ret_step = "fork";
	pid = fork();
	if (pid < 0) {
		r = -errno;
		goto out;
	}
	if (!pid)
		child(run, fds);
	close(fds[FAIL_W]);
	fds[FAIL_W] = -1;
	r = await_exec(fds[FAIL_R], ret_step);
	if (r)
		goto out;	/* session_reap() collects the child */
	*ret = (struct spawned){ pid, fds[IN_W], fds[OUT_R], fds[ERR_R] };
	fds[IN_W] = fds[OUT_R] = fds[ERR_R] = -1;
	set_nonblocking(ret->in_fd);
	set_nonblocking(ret->out_fd);
	if (ret->err_fd >= 0)
		set_nonblocking(ret->err_fd);
out:
	close_fds(fds);
	return r;
}
