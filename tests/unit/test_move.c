// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/libhpc/move.c userland/libhpc/events.c
// wrap: ioctl read
/* Asking for moves, and reading what came of them. */

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "hpc.h"

#define FD 42

int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __wrap_read(int fd, void *buf, size_t count);

static unsigned long last_request;
static struct hpc_move last_move;
static int32_t last_number;

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_int_equal(fd, FD);
	last_request = request;
	if (request == HPC_IOC_SEND)
		memcpy(&last_move, arg, sizeof(last_move));
	else
		memcpy(&last_number, arg, sizeof(last_number));
	errno = mock();
	return errno ? -1 : 0;
}

ssize_t __wrap_read(int fd, void *buf, size_t count)
{
	ssize_t n = mock();

	assert_int_equal(fd, FD);
	if (n < 0) {
		errno = -n;
		return -1;
	}
	assert_true((size_t)n <= count);
	memset(buf, 7, n);
	return n;
}

static void send_fills_in_its_structure(void **state)
{
	(void)state;
	will_return(__wrap_ioctl, 0);
	assert_int_equal(hpc_send(FD, 123, 5, 2780), 0);
	assert_int_equal(last_request, HPC_IOC_SEND);
	assert_int_equal(last_move.size, sizeof(struct hpc_move));
	assert_int_equal(last_move.pid, 123);
	assert_int_equal(last_move.fd, 5);
	assert_int_equal(last_move.node, 2780);
	will_return(__wrap_ioctl, EBUSY);
	assert_int_equal(hpc_send(FD, 123, 5, 2780), -EBUSY);
}

static void numbers_go_by_reference(void **state)
{
	(void)state;
	will_return(__wrap_ioctl, EPROTO);
	assert_int_equal(hpc_receive(FD, 9), -EPROTO);
	assert_int_equal(last_request, HPC_IOC_RECEIVE);
	assert_int_equal(last_number, 9);
	will_return(__wrap_ioctl, 0);
	assert_int_equal(hpc_bring(FD, 4711), 0);
	assert_int_equal(last_request, HPC_IOC_BRING);
	assert_int_equal(last_number, 4711);
	will_return(__wrap_ioctl, ESRCH);
	assert_int_equal(hpc_bring(FD, 4711), -ESRCH);
}

static void whole_events_are_counted(void **state)
{
	struct hpc_event events[4];
	size_t n = 99;

	(void)state;
	will_return(__wrap_read, 3 * sizeof(struct hpc_event));
	assert_int_equal(hpc_events_read(FD, events, 4, &n), 0);
	assert_int_equal(n, 3);
	n = 99;
	will_return(__wrap_read, -EAGAIN);
	assert_int_equal(hpc_events_read(FD, events, 4, &n), -EAGAIN);
	will_return(__wrap_read, sizeof(struct hpc_event) + 1);
	assert_int_equal(hpc_events_read(FD, events, 4, &n), -EPROTO);
	will_return(__wrap_read, 0);
	assert_int_equal(hpc_events_read(FD, events, 4, &n), -EPROTO);
	assert_int_equal(n, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_fills_in_its_structure),
		cmocka_unit_test(numbers_go_by_reference),
		cmocka_unit_test(whole_events_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
