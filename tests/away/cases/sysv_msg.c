// SPDX-License-Identifier: GPL-2.0-only
/* System V messages to and from a helper: types, waiting, sizes. */

#include "../away.h"

#include <sys/ipc.h>
#include <sys/msg.h>

struct message {
	long type;
	char text[100];
};

static void answer(int fd, void *arg)
{
	int id = *(int *)arg;
	struct message m;
	ssize_t n;

	(void)fd;
	for (;;) {
		n = msgrcv(id, &m, sizeof(m.text), 1, 0);
		if (n < 0)
			_exit(0);
		if (m.text[0] == 'w')
			away_moved();
		m.type = 2;
		SYS(msgsnd(id, &m, n, 0));
	}
}

int main(void)
{
	struct message m, got;
	int id = SYS(msgget(IPC_PRIVATE, 0600));

	away_helper(answer, &id, NULL);
	away_fill(m.text, sizeof(m.text), 1);
	while (away_again()) {
		m.type = 3;
		SYS(msgsnd(id, &m, 50, 0));
		m.type = 4;
		SYS(msgsnd(id, &m, 0, 0));
		away_point("with messages in a queue");
		CHECK_EQ(msgrcv(id, &got, sizeof(got.text), 4, 0), 0);
		CHECK_EQ(got.type, 4);
		CHECK_ERRNO(msgrcv(id, &got, 20, 3, 0), E2BIG);
		memset(&got, '#', sizeof(got));
		CHECK_EQ(msgrcv(id, &got, 20, 3, MSG_NOERROR), 20);
		CHECK_MEM(got.text, m.text, 20);
		CHECK_EQ(got.text[20], '#');
		CHECK_ERRNO(msgrcv(id, &got, 20, 3, IPC_NOWAIT), ENOMSG);
		m.type = 1;
		m.text[0] = 'w';
		SYS(msgsnd(id, &m, 100, 0));
		away_call("waiting for a message");
		CHECK_EQ(msgrcv(id, &got, sizeof(got.text), 2, 0), 100);
		away_helped();
		CHECK_EQ(got.type, 2);
		CHECK_MEM(got.text, m.text, 100);
		away_fill(m.text, sizeof(m.text), 1);
		m.type = 0;
		CHECK_ERRNO(msgsnd(id, &m, 1, 0), EINVAL);
	}
	away_goes_home();
	SYS(msgctl(id, IPC_RMID, NULL));
	return away_pass();
}
