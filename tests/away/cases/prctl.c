// SPDX-License-Identifier: GPL-2.0-only
/* prctl(2): the name is what others see too, and flags are kept. */

#include "../away.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int main(void)
{
	char name[17], *text;
	int round = 0, value;

	while (away_again()) {
		char want[17];

		snprintf(want, sizeof(want), "named-%d", ++round);
		SYS(prctl(PR_SET_NAME, want));
		away_point("with a name");
		memset(name, '#', sizeof(name));
		SYS(prctl(PR_GET_NAME, name));
		CHECK_STR(name, want);
		SYS(prctl(PR_SET_NAME, "a-name-that-is-too-long"));
		text = away_slurp("/proc/self/comm", NULL);
		CHECK_STR(text, "a-name-that-is-\n");
		free(text);
		SYS(prctl(PR_SET_PDEATHSIG, 10));
		SYS(prctl(PR_SET_DUMPABLE, round & 1));
		away_point("with other settings");
		SYS(prctl(PR_GET_PDEATHSIG, &value));
		CHECK_EQ(value, 10);
		CHECK_EQ(prctl(PR_GET_DUMPABLE), round & 1);
		SYS(prctl(PR_GET_NAME, name));
		CHECK_STR(name, "a-name-that-is-");
		SYS(prctl(PR_SET_PDEATHSIG, 0));
		SYS(prctl(PR_SET_DUMPABLE, 1));
		CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 7), EINVAL);
	}
	away_goes_home();
	SYS(prctl(PR_SET_TIMERSLACK, 12345));
	away_point("with a timer slack");
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 12345);
	return away_pass();
}
