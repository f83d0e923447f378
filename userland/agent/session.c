// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions of the agent.
 *
 *	free --RUN--> running --reaped--> draining --pipes dry--> EXIT, free
 *	free --PUT--> writing --EOF, all written--> EXIT, free
 *	free --GET--> reading --end of file--> EXIT, free
 *
 * CLOSE and the loss of the host lead from everywhere to free, without EXIT.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "session.h"
#include "spawn.h"

/* What a terminal was told reaches its other end a moment later, by a work queue. */
#define PTY_DRAIN_MS 200

static struct session table[SESSIONS_MAX];

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static struct session *find(uint32_t id)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (table[i].id == id)
			return &table[i];
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release(struct session *s)
{
	close_fd(&s->in_fd);
	close_fd(&s->out_fd);
	close_fd(&s->err_fd);
	free(s->in);
	*s = (struct session){ .in_fd = -1, .out_fd = -1, .err_fd = -1 };
}

/* The last frame of a session; text may be NULL. */
static void send_exit(uint32_t id, enum agent_exit kind, int value, const char *text)
{
	uint8_t payload[8 + 512];
	size_t len = text ? strnlen(text, 512) : 0;

	agent_set32(payload, kind);
	agent_set32(payload + 4, (uint32_t)value);
	if (len)
		memcpy(payload + 8, text, len);
	port_send(AGENT_EXIT, id, payload, 8 + len);
}

static void send_u32(uint16_t type, uint32_t id, uint32_t value)
{
	uint8_t payload[4];

	agent_set32(payload, value);
	port_send(type, id, payload, sizeof(payload));
}

static void send_failure(uint32_t id, int error, const char *what, const char *object)
{
	char text[512];

	snprintf(text, sizeof(text), "%s '%.300s': %s", what, object, strerror(error));
	send_exit(id, AGENT_FAILED, error, text);
}

static void fail(struct session *s, int error, const char *what, const char *object)
{
	send_failure(s->id, error, what, object);
	if (s->pid && !s->reaped)
		kill(-s->pid, SIGKILL);
	release(s);
}

static struct session *open_session(uint32_t id)
{
	struct session *s = find(0);
	uint8_t *in = s ? malloc(AGENT_WINDOW) : NULL;

	if (!in) {
		send_failure(id, s ? ENOMEM : EBUSY, "open", "a session of the agent");
		return NULL;
	}
	*s = (struct session){ .id = id, .in = in, .credit = AGENT_WINDOW,
			       .in_fd = -1, .out_fd = -1, .err_fd = -1 };
	return s;
}

static void open_run(const struct agent_frame *f)
{
	struct agent_run run;
	struct spawned child;
	struct session *s;
	const char *step;
	int r;

	if (agent_parse_run(f, &run)) {
		send_failure(f->session, EBADMSG, "run", "malformed request");
		return;
	}
	s = open_session(f->session);
	if (!s)
		return;
	r = spawn(&run, &child, &step);
	if (r) {
		fail(s, -r, step, !strcmp(step, "chdir") ? run.cwd : run.argv[0]);
		return;
	}
	s->pid = child.pid;
	s->in_fd = child.in_fd;
	s->out_fd = child.out_fd;
	s->err_fd = child.err_fd;
	s->pty = run.flags & AGENT_RUN_PTY;
	s->deadline_ms = run.timeout_ms ? now_ms() + run.timeout_ms : 0;
	send_u32(AGENT_STARTED, s->id, (uint32_t)s->pid);
}

static void open_put(const struct agent_frame *f)
{
	const char *path;
	uint32_t mode;
	struct session *s;

	if (agent_parse_put(f, &mode, &path)) {
		send_failure(f->session, EBADMSG, "put", "malformed request");
		return;
	}
	s = open_session(f->session);
	if (!s)
		return;
	s->copy = true;
	s->in_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
	if (s->in_fd < 0 || (fchmod(s->in_fd, mode) < 0 && errno != EPERM && errno != EROFS))
		fail(s, errno, "put", path);
}

static void open_get(const struct agent_frame *f)
{
	const char *path;
	struct session *s;
	struct stat st;

	if (agent_parse_get(f, &path)) {
		send_failure(f->session, EBADMSG, "get", "malformed request");
		return;
	}
	s = open_session(f->session);
	if (!s)
		return;
	s->copy = true;
	s->out_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (s->out_fd < 0 || fstat(s->out_fd, &st) < 0)
		fail(s, errno, "get", path);
	else if (S_ISDIR(st.st_mode))
		fail(s, EISDIR, "get", path);
}

static void take_data(struct session *s, const struct agent_frame *f)
{
	if (f->length > AGENT_WINDOW - s->in_used) {
		fail(s, EPROTO, "input", "more than the window");
		return;
	}
	if (s->in_fd < 0) {	/* the program closed its input: swallow, as a pipe to nobody */
		send_u32(AGENT_WINDOW_ADD, s->id, f->length);
		return;
	}
	memcpy(s->in + s->in_used, f->payload, f->length);
	s->in_used += f->length;
}

static void set_winsize(struct session *s, const struct agent_frame *f)
{
	struct winsize size = { 0 };

	if (s->pty && s->out_fd >= 0 && !agent_parse_winsize(f, &size.ws_row, &size.ws_col))
		ioctl(s->out_fd, TIOCSWINSZ, &size);
}

static void close_session(struct session *s)
{
	if (s->pid && !s->reaped)
		kill(-s->pid, SIGKILL);
	release(s);
}

static void for_open_session(struct session *s, const struct agent_frame *f)
{
	uint32_t value;

	switch (f->type) {
	case AGENT_DATA:
		take_data(s, f);
		break;
	case AGENT_EOF:
		s->in_eof = true;
		break;
	case AGENT_SIGNAL:
		if (!agent_parse_u32(f, &value) && value < 65 && s->pid && !s->reaped)
			kill(-s->pid, (int)value);
		break;
	case AGENT_WINSIZE:
		set_winsize(s, f);
		break;
	case AGENT_WINDOW_ADD:
		if (!agent_parse_u32(f, &value) && value <= AGENT_WINDOW - s->credit)
			s->credit += value;
		break;
	case AGENT_CLOSE:
		close_session(s);
		break;
	}
}

void session_frame(const struct agent_frame *f)
{
	struct session *s = find(f->session);

	if (s)
		for_open_session(s, f);
	else if (f->type == AGENT_RUN)
		open_run(f);
	else if (f->type == AGENT_PUT)
		open_put(f);
	else if (f->type == AGENT_GET)
		open_get(f);
}

void session_close_all(void)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (table[i].id)
			close_session(&table[i]);
}

void session_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < SESSIONS_MAX; i++)
			if (table[i].id && table[i].pid == pid) {
				table[i].reaped = true;
				table[i].wait_status = status;
				if (table[i].pty)
					table[i].drained_ms = now_ms() + PTY_DRAIN_MS;
			}
}

/* Writes buffered input; false if the session ended. */
static bool run_input(struct session *s)
{
	size_t done = 0;
	int error = 0;

	while (s->in_fd >= 0 && done < s->in_used) {
		ssize_t n = write(s->in_fd, s->in + done, s->in_used - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			error = n ? errno : EIO;
			break;
		}
		done += (size_t)n;
	}
	if (error && error != EAGAIN) {
		if (s->copy) {
			fail(s, error, "put", "write");
			return false;
		}
		close_fd(&s->in_fd);
		done = s->in_used;
	}
	if (done) {
		s->in_used -= (uint32_t)done;
		memmove(s->in, s->in + done, s->in_used);
		send_u32(AGENT_WINDOW_ADD, s->id, (uint32_t)done);
	}
	return true;
}

/* End of input: a pipe is closed; a terminal gets its end-of-file character. */
static bool end_input(struct session *s)
{
	static const char eof_char = 4;

	if (!s->in_eof || s->in_used)
		return true;
	if (s->copy && s->in_fd >= 0) {
		int r = close(s->in_fd);

		s->in_fd = -1;
		if (r < 0) {
			fail(s, errno, "put", "close");
		} else {
			send_exit(s->id, AGENT_EXITED, 0, NULL);
			release(s);
		}
		return false;
	}
	if (s->pty && s->in_fd >= 0 && write(s->in_fd, &eof_char, 1) < 0 && errno == EAGAIN)
		return true;
	close_fd(&s->in_fd);
	return true;
}

/* Sends output while there is some, and credit and room for it; false if the session ended. */
static bool run_output(struct session *s, int *fd, uint16_t type)
{
	static uint8_t chunk[PORT_CHUNK];

	while (*fd >= 0 && s->credit && port_has_room()) {
		size_t want = s->credit < sizeof(chunk) ? s->credit : sizeof(chunk);
		ssize_t n = read(*fd, chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && !s->copy) {
			if (s->reaped && now_ms() >= s->drained_ms)
				/* only descendants hold it now */
				close_fd(fd);
			break;
		}
		if (n < 0 && s->copy) {
			fail(s, errno, "get", "read");
			return false;
		}
		if (n <= 0) {
			close_fd(fd);
			break;
		}
		port_send(type, s->id, chunk, (size_t)n);
		s->credit -= (uint32_t)n;
	}
	return true;
}

static void end_process(struct session *s)
{
	if (s->timed_out)
		send_exit(s->id, AGENT_TIMED_OUT, 0, "timed out");
	else if (WIFSIGNALED(s->wait_status))
		send_exit(s->id, AGENT_KILLED, WTERMSIG(s->wait_status), NULL);
	else
		send_exit(s->id, AGENT_EXITED, WEXITSTATUS(s->wait_status), NULL);
	release(s);
}

static void run_one(struct session *s)
{
	if (s->deadline_ms && !s->timed_out && !s->reaped && now_ms() >= s->deadline_ms) {
		s->timed_out = true;
		kill(-s->pid, SIGKILL);
	}
	if (!run_input(s) || !end_input(s) || !run_output(s, &s->out_fd, AGENT_STDOUT) ||
	    !run_output(s, &s->err_fd, AGENT_STDERR))
		return;
	if (s->reaped && s->out_fd < 0 && s->err_fd < 0) {
		end_process(s);
	} else if (s->copy && s->out_fd < 0 && s->in_fd < 0) {
		send_exit(s->id, AGENT_EXITED, 0, NULL);
		release(s);
	}
}

void session_run(void)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (table[i].id)
			run_one(&table[i]);
}

static size_t add_fd(struct pollfd *p, int fd, short events)
{
	if (fd < 0)
		return 0;
	*p = (struct pollfd){ .fd = fd, .events = events };
	return 1;
}

size_t session_pollfds(struct pollfd *fds)
{
	size_t n = 0;

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &table[i];

		if (!s->id)
			continue;
		if (s->in_used || s->in_eof)
			n += add_fd(fds + n, s->in_fd, POLLOUT);
		if (s->credit && port_has_room()) {
			n += add_fd(fds + n, s->out_fd, POLLIN);
			n += add_fd(fds + n, s->err_fd, POLLIN);
		}
	}
	return n;
}

int session_timeout_ms(void)
{
	int64_t next = -1, now = now_ms();

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &table[i];
		int64_t at = s->reaped ? s->drained_ms : s->timed_out ? 0 : s->deadline_ms;
		int64_t left = at > now ? at - now : 0;

		if (s->id && at && s->credit && (next < 0 || left < next))
			next = left;
	}
	return next > 60000 ? 60000 : (int)next;
}
