// SPDX-License-Identifier: GPL-2.0-only
/* The cases' side of the driver's protocol, and their checks. */

#include "away.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SPIN_NS (5 * MS)

static int points;
static bool ended;
static bool rounds;
static bool helping;
/* What the driver answered while a helper waited for it. */
static int answers[2] = { -1, -1 };

/* --- lines ----------------------------------------------------------------- */

/* In one piece, so that lines of several processes do not mix. */
static void say(const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(STDOUT_FILENO, text, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			_exit(3);
		if (n > 0) {
			text += n;
			len -= n;
		}
	}
}

static void say_point(const char *mode, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "POINT %d %s %d %s\n", ++points, mode, getpid(), text);
	say(line);
}

static void take_answer(int fd)
{
	char line[16];
	ssize_t n;

	do
		n = read(fd, line, sizeof(line) - 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(3);
	line[n] = 0;
	if (!strcmp(line, "end\n"))
		ended = true;
	else if (strcmp(line, "go\n"))
		FAIL("answer of the driver, wanted go or end, got '%s'", line);
}

/* --- points ---------------------------------------------------------------- */

void away_point(const char *text)
{
	say_point("blocked", text);
	take_answer(STDIN_FILENO);
}

static volatile uint64_t spun;

void away_spin(const char *text, void (*work)(void *), void *arg)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t until;

	say_point("spinning", text);
	do {
		until = away_now(CLOCK_MONOTONIC) + SPIN_NS;
		do {
			spun = away_mix(spun, 1);
			if (work)
				work(arg);
		} while (away_now(CLOCK_MONOTONIC) < until);
	} while (poll(&in, 1, 0) <= 0);
	take_answer(STDIN_FILENO);
}

void away_call(const char *text)
{
	say_point("in-call", text);
}

void away_timed(const char *text)
{
	say_point("timed", text);
}

void away_call_end(void)
{
	take_answer(STDIN_FILENO);
}

void away_stays(const char *word)
{
	say_point("stays", word);
	take_answer(STDIN_FILENO);
}

bool away_again(void)
{
	bool first = !rounds;

	rounds = true;
	return first || !ended;
}

void away_goes_home(void)
{
	say("HOME\n");
}

/* --- results --------------------------------------------------------------- */

int away_pass(void)
{
	say("PASS\n");
	return 0;
}

void away_skip(const char *format, ...)
{
	char text[200], line[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "SKIP %s\n", text);
	say(line);
	_exit(0);
}

void away_fail(const char *file, int line, const char *format, ...)
{
	const char *slash = strrchr(file, '/');
	char text[700], all[800];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(all, sizeof(all), "FAIL %s:%d %s\n", slash ? slash + 1 : file, line, text);
	say(all);
	_exit(1);
}

void away_check_eq(const char *file, int line, const char *expr, long long got, long long want)
{
	if (got != want)
		away_fail(file, line, "%s, wanted %lld (%#llx), got %lld (%#llx)", expr,
			  want, want, got, got);
}

void away_check_in(const char *file, int line, const char *expr, long long got,
		   long long lo, long long hi)
{
	if (got < lo || got > hi)
		away_fail(file, line, "%s, wanted %lld to %lld, got %lld", expr, lo, hi, got);
}

void away_check_str(const char *file, int line, const char *expr, const char *got,
		    const char *want)
{
	if (strcmp(got, want))
		away_fail(file, line, "%s, wanted '%s', got '%s'", expr, want, got);
}

void away_check_mem(const char *file, int line, const char *expr, const void *got,
		    const void *want, size_t len)
{
	const unsigned char *g = got, *w = want;
	size_t i;

	for (i = 0; i < len; i++)
		if (g[i] != w[i])
			away_fail(file, line, "%s, wanted %#x at byte %zu of %zu, got %#x",
				  expr, w[i], i, len, g[i]);
}

void away_check_errno(const char *file, int line, const char *expr, long long ret, int want)
{
	int error = errno;

	if (ret != -1)
		away_fail(file, line, "%s, wanted -1 (%s), got %lld", expr,
			  strerrorname_np(want), ret);
	if (error != want)
		away_fail(file, line, "%s, wanted %s, got %s", expr, strerrorname_np(want),
			  strerrorname_np(error));
}

long long away_sys(const char *file, int line, const char *expr, long long ret)
{
	if (ret == -1)
		away_fail(file, line, "%s, wanted success, got %s", expr, strerrorname_np(errno));
	return ret;
}

void *away_ptr(const char *file, int line, const char *expr, void *p)
{
	if (!p || p == (void *)-1)
		away_fail(file, line, "%s, wanted an address, got %p (%s)", expr, p,
			  strerror(errno));
	return p;
}

/* --- helpers --------------------------------------------------------------- */

pid_t away_helper(void (*fn)(int fd, void *arg), void *arg, int *fd)
{
	int pair[2];
	pid_t pid;

	if (answers[0] < 0)
		SYS(pipe2(answers, O_CLOEXEC));
	SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	pid = SYS(fork());
	if (!pid) {
		helping = true;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		fn(pair[1], arg);
		_exit(0);
	}
	close(pair[1]);
	if (fd)
		*fd = pair[0];
	else
		close(pair[0]);
	return pid;
}

void away_tell(int fd, char c)
{
	away_write(fd, &c, 1);
}

char away_hear(int fd)
{
	ssize_t n;
	char c;

	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0);
	return c;
}

void away_ask(int fd, char c)
{
	away_tell(fd, c);
	CHECK_EQ(away_hear(fd), c);
}

void away_moved(void)
{
	char line[16];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line));

	if (n <= 0)
		_exit(0);
	away_write(answers[1], line, n);
}

void away_asleep(void)
{
	char path[32], *stat, *end, state;

	snprintf(path, sizeof(path), "/proc/%d/stat", getppid());
	for (;;) {
		stat = away_slurp(path, NULL);
		end = strrchr(stat, ')');
		state = end && end[1] ? end[2] : 0;
		free(stat);
		if (state == 'S')
			return;
		usleep(1000);
	}
}

void away_helped(void)
{
	take_answer(answers[0]);
}

/* --- things many cases need ------------------------------------------------ */

int64_t away_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

uint64_t away_mix(uint64_t seed, uint64_t i)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + i;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

void away_fill(void *p, size_t len, uint64_t seed)
{
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		uint64_t x = away_mix(seed, i);

		memcpy((char *)p + i, &x, 8);
	}
	for (; i < len; i++)
		((char *)p)[i] = (char)away_mix(seed, i);
}

ssize_t away_differs(const void *p, size_t len, uint64_t seed)
{
	const char *c = p;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		uint64_t x = away_mix(seed, i);

		if (memcmp(c + i, &x, 8))
			return i;
	}
	for (; i < len; i++)
		if (c[i] != (char)away_mix(seed, i))
			return i;
	return -1;
}

void away_read(int fd, void *p, size_t len)
{
	char *c = p;

	while (len) {
		ssize_t n = read(fd, c, len);

		if (n < 0 && errno == EINTR)
			continue;
		/* Without the program there is nothing left to help with. */
		if (!n && helping)
			_exit(0);
		if (n <= 0)
			FAIL("read(%d), wanted %zu more bytes, got %zd (%s)", fd, len, n,
			     n ? strerror(errno) : "end of file");
		c += n;
		len -= n;
	}
}

void away_write(int fd, const void *p, size_t len)
{
	const char *c = p;

	while (len) {
		ssize_t n = write(fd, c, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			FAIL("write(%d), wanted %zu more bytes, got %zd (%s)", fd, len, n,
			     strerror(errno));
		c += n;
		len -= n;
	}
}

char *away_slurp(const char *path, size_t *len)
{
	size_t size = 1 << 16, used = 0;
	char *text = PTR(malloc(size));
	int fd = SYS(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n;

	while ((n = SYS(read(fd, text + used, size - used - 1))) > 0) {
		used += n;
		if (size - used < 2)
			text = PTR(realloc(text, size *= 2));
	}
	close(fd);
	text[used] = 0;
	if (len)
		*len = used;
	return text;
}
