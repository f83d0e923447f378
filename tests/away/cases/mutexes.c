// SPDX-License-Identifier: GPL-2.0-only
/* Locks of the C library, robust ones too, taken before a move and given back after. */

#include "../away.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>

struct robust_list_head;

int main(void)
{
	pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, robust, check;
	pthread_mutexattr_t attr;
	struct robust_list_head *before, *now;
	size_t len;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&check, &attr);
	SYS(syscall(SYS_get_robust_list, 0, &before, &len));
	while (away_again()) {
		CHECK_EQ(pthread_mutex_lock(&plain), 0);
		CHECK_EQ(pthread_mutex_lock(&robust), 0);
		CHECK_EQ(pthread_mutex_lock(&check), 0);
		away_point("with locks held");
		/* They hold the thread's number: it is the same here. */
		CHECK_EQ(pthread_mutex_lock(&check), EDEADLK);
		CHECK_EQ(pthread_mutex_trylock(&plain), EBUSY);
		CHECK_EQ(pthread_mutex_unlock(&check), 0);
		CHECK_EQ(pthread_mutex_unlock(&check), EPERM);
		CHECK_EQ(pthread_mutex_unlock(&robust), 0);
		CHECK_EQ(pthread_mutex_unlock(&plain), 0);
		SYS(syscall(SYS_get_robust_list, 0, &now, &len));
		CHECK(now == before);
	}
	return away_pass();
}
