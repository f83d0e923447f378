// SPDX-License-Identifier: GPL-2.0-only
// sources: userland/libhpc/device.c
// wrap: ioctl open64 close
/* The requests that libhpc makes of /dev/hpc, and what it makes of the answers. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "hpc.h"

/* open() is open64() under another name, with 64-bit file offsets. */
#define FD 42

int __wrap_open64(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, ...);

/* What the next ioctl shall be, and do. */
static struct expectation {
	unsigned long request;
	int error;
	struct hpc_node node;		/* expected, or answered */
	struct hpc_version version;
	uint32_t id;
	unsigned int calls;
} expect;

int __wrap_open64(const char *path, int flags, ...)
{
	assert_string_equal(path, "/dev/hpc");
	check_expected(flags);
	errno = mock();
	return errno ? -1 : FD;
}

int __wrap_close(int fd)
{
	check_expected(fd);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct hpc_version *v;
	struct hpc_node *n;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	v = arg;
	n = arg;

	assert_int_equal(fd, FD);
	assert_int_equal(request, expect.request);
	expect.calls++;
	switch (request) {
	case HPC_IOC_VERSION:
		assert_int_equal(v->size, sizeof(*v));
		assert_int_equal(v->reserved, 0);
		*v = expect.version;
		break;
	case HPC_IOC_NODE_SET:
		assert_memory_equal(n, &expect.node, sizeof(*n));
		break;
	case HPC_IOC_NODE_GET:
	case HPC_IOC_NODE_NEXT:
		assert_int_equal(n->size, sizeof(*n));
		assert_int_equal(n->id, expect.id);
		*n = expect.node;
		break;
	case HPC_IOC_SELF:
	case HPC_IOC_NODE_DEL:
		assert_int_equal(*(uint32_t *)arg, expect.id);
		break;
	default:
		fail();
	}
	errno = expect.error;
	return expect.error ? -1 : 0;
}

static void opens_and_closes(void **state)
{
	(void)state;
	expect_value(__wrap_open64, flags, O_RDWR | O_CLOEXEC);
	will_return(__wrap_open64, 0);
	assert_int_equal(hpc_open(O_RDWR), FD);
	expect_value(__wrap_open64, flags, O_RDONLY | O_CLOEXEC);
	will_return(__wrap_open64, ENOENT);
	assert_int_equal(hpc_open(O_RDONLY), -ENOENT);
	expect_value(__wrap_close, fd, FD);
	hpc_close(FD);
	/* What a failed hpc_open() returned may be closed. */
	hpc_close(-ENOENT);
}

static void version_is_read(void **state)
{
	struct hpc_version v;
	uint32_t id = 0;

	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_VERSION };
	expect.version = (struct hpc_version){ .size = sizeof(v), .abi = 1, .self = 2780 };
	memset(expect.version.release, 'x', sizeof(expect.version.release));
	assert_int_equal(hpc_version(FD, &v), 0);
	assert_int_equal(v.self, 2780);
	assert_int_equal(strlen(v.release), sizeof(v.release) - 1);
	assert_int_equal(hpc_self_get(FD, &id), 0);
	assert_int_equal(id, 2780);
}

static void failed_version_leaves_the_result(void **state)
{
	struct hpc_version v = { .self = 5 };
	uint32_t id = 6;

	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_VERSION, .error = ENOTTY };
	assert_int_equal(hpc_version(FD, &v), -ENOTTY);
	assert_int_equal(v.self, 5);
	assert_int_equal(hpc_self_get(FD, &id), -ENOTTY);
	assert_int_equal(id, 6);
}

static void self_is_set(void **state)
{
	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_SELF, .id = 17 };
	assert_int_equal(hpc_self_set(FD, 17), 0);
	expect.error = EPERM;
	assert_int_equal(hpc_self_set(FD, 17), -EPERM);
}

static void node_is_set_with_its_size(void **state)
{
	struct hpc_node n = { .size = 1, .id = 9, .load = 3, .naddrs = 1 };

	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_NODE_SET, .node = n };
	expect.node.size = sizeof(n);
	assert_int_equal(hpc_node_set(FD, &n), 0);
	assert_int_equal(n.size, 1);
	expect.error = ENOMEM;
	assert_int_equal(hpc_node_set(FD, &n), -ENOMEM);
}

static void node_is_read(void **state)
{
	struct hpc_node n = { .load = 7 };

	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_NODE_GET, .id = 9 };
	expect.node = (struct hpc_node){ .size = sizeof(n), .id = 9, .load = 3, .naddrs = 8 };
	assert_int_equal(hpc_node_get(FD, 9, &n), 0);
	assert_memory_equal(&n, &expect.node, sizeof(n));

	n.load = 7;
	expect.error = ENOENT;
	assert_int_equal(hpc_node_get(FD, 9, &n), -ENOENT);
	assert_int_equal(n.load, 7);
}

static void too_many_addresses_are_refused(void **state)
{
	struct hpc_node n;

	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_NODE_GET, .id = 9 };
	expect.node.naddrs = HPC_NODE_ADDRS + 1;
	assert_int_equal(hpc_node_get(FD, 9, &n), -EPROTO);
}

static void node_is_deleted(void **state)
{
	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_NODE_DEL, .id = 9 };
	assert_int_equal(hpc_node_del(FD, 9), 0);
	expect.error = EBUSY;
	assert_int_equal(hpc_node_del(FD, 9), -EBUSY);
}

static void walk_asks_from_one_to_the_last(void **state)
{
	struct hpc_node n;

	(void)state;
	expect = (struct expectation){ .request = HPC_IOC_NODE_NEXT, .id = HPC_NODE_MIN };
	assert_int_equal(hpc_node_next(FD, 0, &n), 0);
	expect.id = HPC_NODE_MAX;
	assert_int_equal(hpc_node_next(FD, HPC_NODE_MAX, &n), 0);
	assert_int_equal(expect.calls, 2);
	/* The number after the last: no question, an answer. */
	assert_int_equal(hpc_node_next(FD, HPC_NODE_MAX + 1, &n), -ENOENT);
	assert_int_equal(expect.calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_closes),
		cmocka_unit_test(version_is_read),
		cmocka_unit_test(failed_version_leaves_the_result),
		cmocka_unit_test(self_is_set),
		cmocka_unit_test(node_is_set_with_its_size),
		cmocka_unit_test(node_is_read),
		cmocka_unit_test(too_many_addresses_are_refused),
		cmocka_unit_test(node_is_deleted),
		cmocka_unit_test(walk_asks_from_one_to_the_last),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
