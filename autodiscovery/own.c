// SPDX-License-Identifier: GPL-2.0-only
/* See own.h.  Everything is read from files below /proc, /sys and /etc. */

#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/hpc.h>
#include <sodium.h>

#include "own.h"
#include "version.h"

#define BLANKS	"\n\t "

static int read_file(const char *path, char *buf, size_t size, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	size_t len;
	int failed;

	if (!f)
		return -errno;
	len = fread(buf, 1, size - 1, f);
	failed = ferror(f);
	fclose(f);
	buf[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return failed ? -EIO : 0;
}

static uint64_t hash(const void *data, size_t len)
{
	uint8_t digest[crypto_generichash_BYTES_MIN];
	uint64_t value = 0;

	crypto_generichash(digest, sizeof(digest), data, len, NULL, 0);
	memcpy(&value, digest, sizeof(value));
	return value ? value : 1;
}

uint64_t own_boot(uint64_t machine)
{
	struct {
		char id[64];
		uint64_t machine;
	} both = { .machine = machine };

	if (read_file("/proc/sys/kernel/random/boot_id", both.id, sizeof(both.id), NULL))
		randombytes_buf(both.id, sizeof(both.id));
	return hash(&both, sizeof(both));
}

/* Text of a card's address, "" for what is no Ethernet card. */
static void card_address(const char *name, char address[32])
{
	char path[320], type[16];

	address[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/type", name);
	if (name[0] == '.' || read_file(path, type, sizeof(type), NULL) || atoi(type) != 1)
		return;
	snprintf(path, sizeof(path), "/sys/class/net/%s/address", name);
	if (read_file(path, address, 32, NULL) || !strncmp(address, "00:00:00:00:00:00", 17))
		address[0] = '\0';
}

uint64_t own_machine(void)
{
	char lowest[32] = "", address[32];
	DIR *dir = opendir("/sys/class/net");
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		card_address(e->d_name, address);
		if (address[0] && (!lowest[0] || strcmp(address, lowest) < 0))
			strcpy(lowest, address);
	}
	if (dir)
		closedir(dir);
	return lowest[0] ? hash(lowest, strlen(lowest)) : 0;
}

static uint64_t kernel_build(void)
{
	char notes[4096];
	struct utsname uts;
	size_t len;

	if (!read_file("/sys/kernel/notes", notes, sizeof(notes), &len) && len)
		return hash(notes, len);
	return uname(&uts) ? 0 : hash(&uts, sizeof(uts));
}

static void cpu_features(uint32_t words[DISC_FEATURES])
{
	uint32_t a = 0, b = 0, c = 0, d = 0;

	if (__get_cpuid(1, &a, &b, &c, &d)) {
		words[0] = d;
		words[1] = c;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		words[2] = b;
		words[3] = c;
		words[4] = d;
	}
	if (__get_cpuid_count(7, 1, &a, &b, &c, &d))
		words[5] = a;
	if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		words[6] = a;
	if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d))
		words[7] = a;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
		words[8] = d;
		words[9] = c;
	}
}

/* What others accept: visible ASCII. */
static void make_visible(char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			*text = '?';
}

void own_host(struct disc_info *info)
{
	struct utsname uts;

	memset(info->host, 0, sizeof(info->host));
	if (!uname(&uts) && strcmp(uts.nodename, "(none)") != 0)
		snprintf(info->host, sizeof(info->host), "%.*s", DISC_HOST - 1, uts.nodename);
	make_visible(info->host);
}

void own_info(struct disc_info *info)
{
	uint64_t machine = info->machine;
	struct sysinfo memory;

	memset(info, 0, sizeof(*info));
	info->machine = machine;
	info->kernel = kernel_build();
	info->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	info->speed = HPC_SPEED_STANDARD;
	if (!sysinfo(&memory))
		info->tmem = ((uint64_t)memory.totalram * memory.mem_unit) >> 10;
	cpu_features(info->features);
	snprintf(info->release, sizeof(info->release), "%s", TESSERA_VERSION);
	make_visible(info->release);
	own_host(info);
}

bool own_boot_parameter(const char *name, char *ret_value, size_t size)
{
	char line[4096], *save = NULL, *word;
	size_t len = strlen(name);
	bool found = false;

	if (read_file("/proc/cmdline", line, sizeof(line), NULL))
		return false;
	for (word = strtok_r(line, BLANKS, &save); word; word = strtok_r(NULL, BLANKS, &save)) {
		if (strncmp(word, name, len) != 0 || word[len] != '=')
			continue;
		snprintf(ret_value, size, "%s", word + len + 1);
		found = true;
	}
	return found;
}

int own_secret(const char *path, char *ret_secret, size_t size, const char **ret_from)
{
	int ret;

	*ret_from = path ? path : "tessera.key=";
	if (!path && own_boot_parameter("tessera.key", ret_secret, size) && ret_secret[0])
		return 0;
	if (!path)
		*ret_from = path = OWN_KEY_FILE;
	ret = read_file(path, ret_secret, size, NULL);
	if (ret)
		return ret;
	ret_secret[strcspn(ret_secret, "\n")] = '\0';
	return ret_secret[0] ? 0 : -EINVAL;
}
