// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the kernel's node table give back what was put in?
 *
 * Run as root on a node: fills the table through /dev/hpc, reads it back there
 * and in /proc/hpc/nodes, and asks for what must be refused.  The table is
 * empty and the node in no cluster afterwards.  Prints TAP; exit status 0 if
 * every check held.
 *
 * usage: nodetable [NODES]
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hpc.h"

#define SELF		999
#define UPDATES		20000
#define COMINGS		500

static int dev;
static unsigned int checks, failures;
static uint32_t nodes = 300;

/* --- TAP ------------------------------------------------------------------------------ */

static void check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void check(bool good, const char *format, ...)
{
	va_list ap;

	failures += !good;
	printf("%sok %u - ", good ? "" : "not ", ++checks);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

/* @ret: of a function of libhpc. */
static void check_error(int ret, int expected, const char *what)
{
	check(ret == -expected, "%s: %s", what, strerror(expected));
	if (ret != -expected)
		note("got: %s", ret ? strerror(-ret) : "success");
}

static int request(unsigned long number, void *arg)
{
	return ioctl(dev, number, arg) ? -errno : 0;
}

/* --- nodes with values all their own ------------------------------------------------------ */

/* Spreads the numbers over the whole range, never SELF, and in no order. */
static uint32_t node_id(uint32_t i)
{
	return i == 0 ? HPC_NODE_MIN : i == 1 ? HPC_NODE_MAX : 1000 + (i * 7919) % 64000;
}

static struct hpc_addr make_addr(uint32_t id, uint32_t slot)
{
	struct hpc_addr a = { .family = slot % 2 ? AF_INET6 : AF_INET, .port = id ^ slot };
	const uint8_t four[] = { 10, slot, id >> 8, id };
	const uint8_t six[] = { 0xfd, slot, [14] = id >> 8, [15] = id };

	if (slot % 2) {
		a.scope = id;
		memcpy(a.addr, six, sizeof(six));
	} else {
		memcpy(a.addr, four, sizeof(four));
	}
	return a;
}

/* Two versions of a node differ in every field. */
static struct hpc_node make_node(uint32_t id, uint32_t version)
{
	static const uint32_t status[] = { HPC_NODE_UP, HPC_NODE_BLOCK | HPC_NODE_SILENT,
					   HPC_NODE_LEAVING, HPC_NODE_FOREIGN, 0 };
	uint32_t v = id + version * 31;
	struct hpc_node n = {
		.size = sizeof(n), .id = id, .status = status[v % 5],
		.cpus = v % (HPC_CPUS_MAX + 1), .speed = v * 100, .load = v * 65537u,
		.util = v % (HPC_UTIL_MAX + 1), .naddrs = v % (HPC_NODE_ADDRS + 1),
		.mem = UINT64_C(0x100000001) * v, .rmem = UINT64_MAX - v, .tmem = v,
	};
	uint32_t i;

	for (i = 0; i < n.naddrs; i++)
		n.addr[i] = make_addr(v % 60000, i);
	return n;
}

/* As make_node(), as it is read back. */
static bool same_node(const struct hpc_node *got, const struct hpc_node *put)
{
	struct hpc_node expected = *put;

	expected.status |= HPC_NODE_DEFINED;
	return !memcmp(got, &expected, sizeof(expected));
}

/* --- /proc ----------------------------------------------------------------------------------- */

static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static bool proc_says(uint32_t id, const char *name, uint64_t value)
{
	char path[64], text[64], expected[32];

	snprintf(path, sizeof(path), "/proc/hpc/nodes/%u/%s", id, name);
	snprintf(expected, sizeof(expected), "%" PRIu64 "\n", value);
	if (!read_file(path, text, sizeof(text)))
		snprintf(text, sizeof(text), "(%s)\n", strerror(errno));
	if (!strcmp(text, expected))
		return true;
	note("%s is %.*s, not %" PRIu64, path, (int)strcspn(text, "\n"), text, value);
	return false;
}

static bool proc_node(const struct hpc_node *n)
{
	return proc_says(n->id, "cpus", n->cpus) & proc_says(n->id, "load", n->load) &
	       proc_says(n->id, "mem", n->mem) & proc_says(n->id, "rmem", n->rmem) &
	       proc_says(n->id, "speed", n->speed) &
	       proc_says(n->id, "status", n->status | HPC_NODE_DEFINED) &
	       proc_says(n->id, "tmem", n->tmem) & proc_says(n->id, "util", n->util);
}

static int proc_count(void)
{
	DIR *dir = opendir("/proc/hpc/nodes");
	struct dirent *e;
	int n = 0;

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* --- checks ------------------------------------------------------------------------------------ */

static void check_version(void)
{
	struct hpc_version v;
	char text[256], own[64];
	int ret = hpc_version(dev, &v);

	check(!ret && v.abi == HPC_ABI_VERSION, "the kernel speaks interface version %d",
	      HPC_ABI_VERSION);
	check(!ret && read_file("/proc/sys/kernel/osrelease", own, sizeof(own)) &&
	      !strncmp(v.release, own, strcspn(own, "\n")) &&
	      strlen(v.release) == strcspn(own, "\n"),
	      "it names the running release");
	check(read_file("/proc/hpc/admin/version", text, sizeof(text)) &&
	      strstr(text, v.release), "admin/version names it too");
}

static bool mospe_is(const char *expected)
{
	char text[32];

	return read_file("/proc/hpc/admin/mospe", text, sizeof(text)) && !strcmp(text, expected);
}

static void check_self(void)
{
	struct hpc_node n;
	uint32_t id = 1;

	check(!hpc_self_get(dev, &id) && id == 0 && mospe_is("0\n"), "starts in no cluster");
	check(!hpc_self_set(dev, SELF) && !hpc_self_get(dev, &id) && id == SELF &&
	      mospe_is("999\n"), "own number is set and read back");
	check(!hpc_node_get(dev, SELF, &n) && n.id == SELF && n.cpus && n.speed && n.tmem &&
	      n.status == (HPC_NODE_DEFINED | HPC_NODE_UP | HPC_NODE_SELF),
	      "own node is in the table, alive, with its own figures");
	check(proc_says(SELF, "cpus", sysconf(_SC_NPROCESSORS_ONLN)) &
	      proc_says(SELF, "status", 7), "and in /proc");
	check(!write_file("/proc/hpc/admin/mospe", "998\n") && !hpc_self_get(dev, &id) &&
	      id == 998, "own number is set through /proc");
	check_error(hpc_node_get(dev, SELF, &n), ENOENT, "former own node");
	check_error(write_file("/proc/hpc/admin/mospe", "65536"), ERANGE, "mospe 65536");
	check_error(write_file("/proc/hpc/admin/mospe", "twelve"), EINVAL, "mospe twelve");
	check_error(hpc_self_set(dev, 65536), EINVAL, "own number 65536");
	check(!hpc_self_set(dev, SELF), "own number is changed back");
}

static void check_fill(void)
{
	uint32_t i, put = 0, got = 0, in_proc = 0;
	struct hpc_node n, back;

	for (i = 0; i < nodes; i++) {
		n = make_node(node_id(i), 0);
		put += !hpc_node_set(dev, &n);
	}
	check(put == nodes, "%u nodes are put into the table", nodes);
	for (i = 0; i < nodes; i++) {
		n = make_node(node_id(i), 0);
		got += !hpc_node_get(dev, n.id, &back) && same_node(&back, &n);
		in_proc += proc_node(&n);
	}
	check(got == nodes, "each is read back through /dev/hpc, byte for byte");
	check(in_proc == nodes, "each is read back through /proc/hpc/nodes");
	check(proc_count() == (int)nodes + 1, "/proc/hpc/nodes lists them and the own node");
}

static void check_walk(void)
{
	struct hpc_node n, expected;
	uint32_t from = 0, count = 0, good = 0, last = 0;
	int ret;

	while (!(ret = hpc_node_next(dev, from, &n))) {
		expected = make_node(n.id, 0);
		good += n.id > last && (n.id == SELF || same_node(&n, &expected));
		last = n.id;
		from = n.id + 1;
		count++;
	}
	check(ret == -ENOENT && count == nodes + 1 && good == count,
	      "a walk meets every node once, in the order of numbers");
	n = (struct hpc_node){ .size = sizeof(n), .id = HPC_NODE_MAX + 1 };
	check_error(request(HPC_IOC_NODE_NEXT, &n), ENOENT, "next after the last");
}

static void check_replace(void)
{
	struct hpc_node n = make_node(node_id(2), 1), back, self;

	check(!hpc_node_set(dev, &n) && !hpc_node_get(dev, n.id, &back) && same_node(&back, &n) &&
	      proc_node(&n), "a node is replaced as a whole");

	self = make_node(SELF, 0);
	self.naddrs = 1;
	memset(self.addr, 0, sizeof(self.addr));
	self.addr[0] = make_addr(SELF, 0);
	check(!hpc_node_set(dev, &self) && !hpc_node_get(dev, SELF, &back) &&
	      back.naddrs == 1 && !memcmp(back.addr, self.addr, sizeof(back.addr)),
	      "own addresses are kept");
	check(back.cpus == sysconf(_SC_NPROCESSORS_ONLN) && back.tmem != self.tmem,
	      "own figures stay the kernel's");
}

static void check_delete(void)
{
	uint32_t id = node_id(0);
	struct hpc_node n = make_node(id, 0);
	char path[64];

	snprintf(path, sizeof(path), "/proc/hpc/nodes/%u", id);
	check(!hpc_node_del(dev, id) && access(path, F_OK) && proc_count() == (int)nodes,
	      "a node is removed");
	check_error(hpc_node_get(dev, id, &n), ENOENT, "reading it");
	check_error(hpc_node_del(dev, id), ENOENT, "removing it again");
	check_error(hpc_node_del(dev, SELF), EBUSY, "removing the own node");
	n = make_node(id, 0);
	check(!hpc_node_set(dev, &n) && proc_node(&n), "it comes back");
	check_error(hpc_self_set(dev, id), EEXIST, "taking another node's number");
}

/* One field at a time is wrong; the table must not change. */
static void check_refused(void)
{
	static const struct {
		const char *what;
		size_t offset;
		uint32_t value;
	} wrong[] = {
		{ "node number 0", offsetof(struct hpc_node, id), 0 },
		{ "node number 65536", offsetof(struct hpc_node, id), HPC_NODE_MAX + 1 },
		{ "status of the kernel", offsetof(struct hpc_node, status), HPC_NODE_SELF },
		{ "unknown status", offsetof(struct hpc_node, status), 0x80000000 },
		{ "too many processors", offsetof(struct hpc_node, cpus), HPC_CPUS_MAX + 1 },
		{ "too fast", offsetof(struct hpc_node, speed), HPC_SPEED_MAX + 1 },
		{ "101 percent", offsetof(struct hpc_node, util), HPC_UTIL_MAX + 1 },
		{ "nine addresses", offsetof(struct hpc_node, naddrs), HPC_NODE_ADDRS + 1 },
		{ "unused address not zero", offsetof(struct hpc_node, addr[7].scope), 1 },
		{ "address of no family", offsetof(struct hpc_node, addr[0].family), 0 },
		{ "IPv4 with a scope", offsetof(struct hpc_node, addr[0].scope), 1 },
		{ "IPv4 with a long address", offsetof(struct hpc_node, addr[0].addr[4]), 1 },
		{ "size 4", offsetof(struct hpc_node, size), 4 },
		{ "size 247", offsetof(struct hpc_node, size), 247 },
		{ "size of a gigabyte", offsetof(struct hpc_node, size), 1u << 30 },
	};
	struct hpc_node n, back, before = make_node(node_id(3), 0);
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		n = (struct hpc_node){ .size = sizeof(n), .id = before.id, .naddrs = 1 };
		n.addr[0] = make_addr(n.id, 0);
		memcpy((char *)&n + wrong[i].offset, &wrong[i].value, sizeof(uint32_t));
		check_error(request(HPC_IOC_NODE_SET, &n), EINVAL, wrong[i].what);
	}
	check(!hpc_node_get(dev, before.id, &back) && same_node(&back, &before),
	      "refused requests changed nothing");
}

static void check_sizes(void)
{
	struct { struct hpc_node n; uint32_t more[4]; } longer = { 0 };
	struct hpc_version v = { .size = sizeof(v), .reserved = 1 };
	struct hpc_node back;

	longer.n = make_node(node_id(3), 2);
	longer.n.size = sizeof(longer);
	check(!request(HPC_IOC_NODE_SET, &longer) && !hpc_node_get(dev, longer.n.id, &back) &&
	      back.load == longer.n.load, "a longer structure with zeroes is taken");
	longer.more[3] = 1;
	check_error(request(HPC_IOC_NODE_SET, &longer), E2BIG, "a longer one with something in it");
	check_error(request(HPC_IOC_VERSION, &v), EINVAL, "reserved field not zero");
	v = (struct hpc_version){ .size = 8 };
	check_error(request(HPC_IOC_VERSION, &v), EINVAL, "version of 8 bytes");
	check_error(request(HPC_IOC_VERSION, NULL), EFAULT, "version to nowhere");
	check_error(request(HPC_IOC_NODE_SET, (void *)8), EFAULT, "node from nowhere");
	check_error(request(HPC_IOC_NODE_GET, (void *)-4096), EFAULT, "node to the kernel");
	check_error(request(HPC_IOC_SELF, NULL), EFAULT, "own number from nowhere");
	check_error(request(_IO(HPC_IOC_MAGIC, 0xff), NULL), ENOTTY, "unknown request");
}

/* In a child that is nobody; its checks' numbers go on where ours stopped. */
static int as_nobody(void)
{
	struct hpc_node n = make_node(node_id(4), 0), back;
	int ours = dev;

	if (setgid(65534) || setuid(65534)) {
		check(false, "becoming nobody: %m");
		return 1;
	}
	check(!hpc_node_set(ours, &n), "a file opened by root still may change the table");
	dev = hpc_open(O_RDWR);
	if (dev < 0)
		dev = hpc_open(O_RDONLY);
	check(dev >= 0, "anybody may open /dev/hpc");
	check(!hpc_node_get(dev, n.id, &back) && same_node(&back, &n), "and read a node");
	check_error(hpc_node_set(dev, &n), EPERM, "but set a node");
	check_error(hpc_node_del(dev, n.id), EPERM, "but remove one");
	check_error(hpc_self_set(dev, 7), EPERM, "but set the own number");
	check(write_file("/proc/hpc/admin/mospe", "7") < 0, "nor through /proc");
	return failures != 0;
}

static void check_rights(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(as_nobody());
	checks += 7;
	if (child < 0 || waitpid(child, &status, 0) < 0 || status)
		failures++;
}

/* --- no reader sees half of an update ------------------------------------------------------------- */

static atomic_bool stop;

static void *keep_changing(void *arg)
{
	struct hpc_node versions[] = { make_node(node_id(5), 0), make_node(node_id(5), 1) };
	unsigned int i;

	(void)arg;
	for (i = 0; i < UPDATES; i++)
		if (hpc_node_set(dev, &versions[i % 2]))
			break;
	atomic_store(&stop, true);
	return (void *)(uintptr_t)i;
}

static void check_tearing(void)
{
	struct hpc_node versions[] = { make_node(node_id(5), 0), make_node(node_id(5), 1) };
	unsigned long reads = 0, torn = 0;
	struct hpc_node back;
	pthread_t writer;
	void *writes;

	if (pthread_create(&writer, NULL, keep_changing, NULL)) {
		check(false, "no thread to write with");
		return;
	}
	while (!atomic_load(&stop)) {
		if (hpc_node_get(dev, versions[0].id, &back) ||
		    (!same_node(&back, &versions[0]) && !same_node(&back, &versions[1])))
			torn++;
		reads++;
	}
	pthread_join(writer, &writes);
	note("%lu reads during %lu writes", reads, (unsigned long)(uintptr_t)writes);
	check((uintptr_t)writes == UPDATES && reads && !torn,
	      "no reader sees half of an update");
}

/* Rows come and go while others open and read their files. */
static void *keep_reading(void *arg)
{
	char path[64], text[64];
	uint32_t i;

	(void)arg;
	for (i = 0; !atomic_load(&stop); i++) {
		snprintf(path, sizeof(path), "/proc/hpc/nodes/%u/load", node_id(i % 8));
		(void)read_file(path, text, sizeof(text));
		(void)proc_count();
	}
	return NULL;
}

static void check_coming_and_going(void)
{
	struct hpc_node n;
	pthread_t reader;
	uint32_t i, good = 0;

	atomic_store(&stop, false);
	if (pthread_create(&reader, NULL, keep_reading, NULL)) {
		check(false, "no thread to read with");
		return;
	}
	for (i = 0; i < COMINGS; i++) {
		n = make_node(node_id(i % 8), 0);
		good += !hpc_node_del(dev, n.id) && !hpc_node_set(dev, &n);
	}
	atomic_store(&stop, true);
	pthread_join(reader, NULL);
	check(good == COMINGS, "nodes come and go while their files are read");
}

static void check_off(void)
{
	struct hpc_node n;

	check(!hpc_self_set(dev, 0) && mospe_is("0\n"), "the cluster is left");
	check_error(hpc_node_next(dev, 0, &n), ENOENT, "the table is empty: first node");
	check(proc_count() == 0, "and so is /proc/hpc/nodes");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		nodes = strtoul(argv[1], NULL, 10);
	if (argc > 2 || nodes < 10 || nodes > 20000) {
		fprintf(stderr, "usage: nodetable [NODES, 10 to 20000]\n");
		return 2;
	}
	dev = hpc_open(O_RDWR);
	if (dev < 0 || hpc_self_set(dev, 0)) {
		printf("Bail out! cannot use %s as root: %m\n", HPC_DEVICE);
		return 1;
	}
	check_version();
	check_self();
	check_fill();
	check_walk();
	check_replace();
	check_delete();
	check_refused();
	check_sizes();
	check_rights();
	check_tearing();
	check_coming_and_going();
	check_off();
	printf("1..%u\n", checks);
	return failures != 0;
}
