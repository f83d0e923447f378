// SPDX-License-Identifier: GPL-2.0-only
/* One line a message, in one write(2): several processes share the target. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define LINE_MAX_BYTES 800	/* the kernel's log takes 976 */

/* What stands before the text. */
enum prefix {
	PREFIX_NAME,		/* hpcd: */
	PREFIX_PRIORITY,	/* <6>          the journal, by standard error */
	PREFIX_SYSLOG,		/* <30>hpcd[1]: syslog, and the kernel's log */
};

static struct {
	int fd;
	int most;
	enum prefix prefix;
	bool also_stderr;	/* while whoever starts hpcd waits for it to be up */
} target = { .fd = -1, .most = LOG_INFO };

static int syslog_connect(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || !connect(fd, (const struct sockaddr *)&un, sizeof(un)))
		return fd;
	close(fd);
	return -1;
}

static bool is_kernel_log(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 11);
}

void hpcd_log_open(bool foreground, bool verbose)
{
	target.most = verbose ? LOG_DEBUG : LOG_INFO;
	if (foreground) {
		target.fd = STDERR_FILENO;
		target.prefix = is_kernel_log(STDERR_FILENO) ? PREFIX_SYSLOG :
				getenv("JOURNAL_STREAM") ? PREFIX_PRIORITY : PREFIX_NAME;
		return;
	}
	target.also_stderr = true;
	target.prefix = PREFIX_SYSLOG;
	target.fd = syslog_connect();
	if (target.fd < 0)
		target.fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
}

void hpcd_log_detach(void)
{
	if (!target.also_stderr)
		return;
	target.also_stderr = false;
	dup2(STDIN_FILENO, STDERR_FILENO);
}

int hpcd_log_fd(void)
{
	return target.fd;
}

static int prefix_print(char *line, size_t size, int priority)
{
	switch (target.prefix) {
	case PREFIX_PRIORITY:
		return snprintf(line, size, "<%d>", priority);
	case PREFIX_SYSLOG:
		return snprintf(line, size, "<%d>hpcd[%d]: ", LOG_DAEMON | priority, getpid());
	default:
		return snprintf(line, size, "hpcd: ");
	}
}

void hpcd_log(int priority, const char *format, ...)
{
	char line[LINE_MAX_BYTES + 2];
	int error = errno, len;
	va_list ap;

	if (priority > target.most || target.fd < 0)
		return;
	len = prefix_print(line, LINE_MAX_BYTES, priority);
	errno = error;	/* for %m */
	va_start(ap, format);
	len += vsnprintf(line + len, LINE_MAX_BYTES - len, format, ap);
	va_end(ap);
	if (len > LINE_MAX_BYTES - 1)
		len = LINE_MAX_BYTES - 1;
	line[len++] = '\n';
	/* A log that cannot be written has nobody to be told. */
	if (write(target.fd, line, len) < 0)
		error = errno;
	if (target.also_stderr)
		dprintf(STDERR_FILENO, "hpcd: %s", strstr(line, ": ") + 2);
	errno = error;
}
