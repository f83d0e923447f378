// SPDX-License-Identifier: GPL-2.0-only
/* O_APPEND, while a helper appends to the same file: nothing is lost or torn. */

#include "../away.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static void append(int fd, void *arg)
{
	int file = SYS(open("log", O_WRONLY | O_APPEND | O_CREAT, 0600));

	(void)arg;
	for (;;) {
		away_hear(fd);
		away_write(file, "helper\n", 7);
		away_tell(fd, 'w');
	}
}

int main(void)
{
	int file, helper, rounds = 0, i;
	char *text, want[2000] = "";

	file = SYS(open("log", O_WRONLY | O_APPEND | O_CREAT, 0600));
	away_helper(append, NULL, &helper);
	while (away_again()) {
		for (i = 0; i < 3; i++) {
			SYS(lseek(file, 0, SEEK_SET));
			away_write(file, "mine\n", 5);
			away_ask(helper, 'w');
		}
		away_point("between lines");
		away_write(file, "after\n", 6);
		CHECK_EQ(lseek(file, 0, SEEK_CUR), ++rounds * 42L);
		if (rounds > 20)
			continue;
		strcat(want, "mine\nhelper\nmine\nhelper\nmine\nhelper\nafter\n");
		text = away_slurp("log", NULL);
		CHECK_STR(text, want);
		free(text);
	}
	return away_pass();
}
