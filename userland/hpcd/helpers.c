// SPDX-License-Identifier: GPL-2.0-only
/* Helpers: forked, bounded in number and time, heard at their end. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "sandbox.h"

#define HELPERS_MAX	64
#define KEEP_MAX	8

/* Everything in a helper has its own deadline; this is for what nobody thought of. */
#define HELPER_SECONDS	60

struct running {
	struct helper helper;
	helper_done_fn *done;
	int results;		/* pipe */
};

static struct running running[HELPERS_MAX];

/* In a helper: where its last words go. */
static int own_results = -1;

static struct running *free_slot(void)
{
	size_t i;

	for (i = 0; i < HELPERS_MAX; i++)
		if (!running[i].helper.pid)
			return &running[i];
	return NULL;
}

static void become_helper(int results, const int *keep, size_t n)
{
	int all[KEEP_MAX + 5] = { 0, 1, 2, results, hpcd_log_fd() };
	sigset_t none;

	memcpy(all + 5, keep, n * sizeof(*keep));
	hpcd_keep_only(all, n + 5);
	own_results = results;
	prctl(PR_SET_NAME, "hpcd-move");
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(HELPER_SECONDS);
}

bool helper_begin(const struct helper *what, const int *keep, size_t n, helper_done_fn *done,
		  int *ret_error)
{
	struct running *r = free_slot();
	int fds[2];
	pid_t pid;

	*ret_error = -EAGAIN;
	if (!r || n > KEEP_MAX)
		return false;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
		*ret_error = -errno;
		return false;
	}
	pid = fork();
	if (!pid) {
		become_helper(fds[1], keep, n);
		return true;
	}
	*ret_error = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return false;
	}
	*r = (struct running) { .helper = *what, .done = done, .results = fds[0] };
	r->helper.pid = pid;
	return false;
}

void helper_end(const struct helper_result *result)
{
	ssize_t n = write(own_results, result, sizeof(*result));

	_exit(n == sizeof(*result) ? 0 : 1);
}

unsigned int helpers_count(enum helper_kind kind)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < HELPERS_MAX; i++)
		count += running[i].helper.pid && running[i].helper.kind == kind;
	return count;
}

bool helper_moves(pid_t process)
{
	size_t i;

	for (i = 0; i < HELPERS_MAX; i++)
		if (running[i].helper.pid && running[i].helper.kind == HELPER_OUT &&
		    running[i].helper.process == process)
			return true;
	return false;
}

static void finish(struct running *r, int status)
{
	struct helper_result result = { 0 };
	struct running ended = *r;

	r->helper.pid = 0;
	if (read(ended.results, &result, sizeof(result)) != sizeof(result)) {
		result = (struct helper_result) { .error = -ECHILD };
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			snprintf(result.why, sizeof(result.why), "gave up after %d s",
				 HELPER_SECONDS);
		else if (WIFSIGNALED(status))
			snprintf(result.why, sizeof(result.why),
				 "the process in charge was ended by signal %d", WTERMSIG(status));
		else
			snprintf(result.why, sizeof(result.why),
				 "the process in charge ended without a word");
	}
	result.why[sizeof(result.why) - 1] = '\0';
	close(ended.results);
	ended.done(&ended.helper, &result);
}

void helpers_reap(void)
{
	int status;
	size_t i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < HELPERS_MAX; i++) {
			if (running[i].helper.pid == pid) {
				finish(&running[i], status);
				break;
			}
		}
	}
}
