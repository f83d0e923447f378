// SPDX-License-Identifier: GPL-2.0-only
/* inotify: events of a helper's doings, also while waiting for them. */

#include "../away.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static void busy(int fd, void *arg)
{
	(void)arg;
	for (;;) {
		char c = away_hear(fd);

		if (c == 'w') {
			away_tell(fd, c);
			away_moved();
		}
		close(SYS(open("watched/made", O_WRONLY | O_CREAT, 0600)));
		SYS(unlink("watched/made"));
		if (c != 'w')
			away_tell(fd, c);
	}
}

static void must_read(int fd, int wd)
{
	static const uint32_t want[] = { IN_CREATE, IN_CLOSE_WRITE, IN_DELETE };
	char buf[4096] __attribute__((aligned(8))), *p = buf;
	ssize_t n = 0, i;

	/* They may come one by one. */
	for (i = 0; i < 3; i++) {
		struct inotify_event *e;

		if (p == buf + n) {
			n = SYS(read(fd, buf, sizeof(buf)));
			p = buf;
		}
		e = (struct inotify_event *)p;
		CHECK_EQ(e->wd, wd);
		CHECK_EQ(e->mask, want[i]);
		CHECK_STR(e->name, "made");
		p += sizeof(*e) + e->len;
	}
	CHECK_EQ(p - buf, n);
}

int main(void)
{
	int fd = SYS(inotify_init1(IN_CLOEXEC)), wd, helper;

	SYS(mkdirat(AT_FDCWD, "watched", 0700));
	wd = SYS(inotify_add_watch(fd, "watched", IN_CREATE | IN_CLOSE_WRITE | IN_DELETE));
	away_helper(busy, NULL, &helper);
	while (away_again()) {
		away_ask(helper, 'd');
		away_point("with events that wait");
		must_read(fd, wd);
		away_ask(helper, 'w');
		away_call("waiting for events");
		must_read(fd, wd);
		away_helped();
	}
	SYS(inotify_rm_watch(fd, wd));
	CHECK_ERRNO(inotify_rm_watch(fd, wd), EINVAL);
	return away_pass();
}
