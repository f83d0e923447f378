// SPDX-License-Identifier: GPL-2.0-only
/* POSIX message queues: priorities, waiting, time limits. */

#include "../away.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>

static void answer(int fd, void *arg)
{
	mqd_t q = *(mqd_t *)arg;

	for (;;) {
		away_hear(fd);
		away_moved();
		SYS(mq_send(q, "answer", 6, 9));
	}
}

int main(void)
{
	struct mq_attr attr = { .mq_maxmsg = 5, .mq_msgsize = 100 }, got_attr;
	char name[32], got[100];
	struct timespec past = { 1, 0 };
	unsigned int prio;
	int helper;
	mqd_t q;

	snprintf(name, sizeof(name), "/away-%d", getpid());
	q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (q < 0 && errno == ENOSYS)
		away_skip("no message queues here");
	SYS(q);
	mq_unlink(name);
	away_helper(answer, &q, &helper);
	while (away_again()) {
		SYS(mq_send(q, "low", 3, 1));
		SYS(mq_send(q, "high", 4, 5));
		away_point("with messages in a queue");
		SYS(mq_getattr(q, &got_attr));
		CHECK_EQ(got_attr.mq_curmsgs, 2);
		CHECK_EQ(got_attr.mq_msgsize, 100);
		CHECK_EQ(mq_receive(q, got, sizeof(got), &prio), 4);
		CHECK_MEM(got, "high", 4);
		CHECK_EQ(prio, 5);
		CHECK_EQ(mq_receive(q, got, sizeof(got), &prio), 3);
		CHECK_EQ(prio, 1);
		CHECK_ERRNO(mq_receive(q, got, 50, NULL), EMSGSIZE);
		CHECK_ERRNO(mq_timedreceive(q, got, sizeof(got), NULL, &past), ETIMEDOUT);
		away_tell(helper, 'a');
		away_call("waiting for a message");
		CHECK_EQ(mq_receive(q, got, sizeof(got), &prio), 6);
		away_helped();
		CHECK_EQ(prio, 9);
		CHECK_MEM(got, "answer", 6);
		CHECK_ERRNO(mq_open("/none-such", O_RDWR), ENOENT);
	}
	return away_pass();
}
