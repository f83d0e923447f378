// SPDX-License-Identifier: GPL-2.0-only
/* Processor features: read, masked to what programs use, compared. */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "features.h"

#define BIT(n) (1u << (n))

#ifndef ARCH_GET_XCOMP_SUPP
#define ARCH_GET_XCOMP_SUPP 0x1021
#endif

/* CPUID 1, ECX */
#define OSXSAVE BIT(27)
/* CPUID 0xd.1, EAX */
#define XSAVEC BIT(1)

struct name {
	enum hpcd_feature_word word;
	uint8_t bit;
	const char *name;
};

/* Which bits count, and what people call them: /proc/cpuinfo's names. */
static const struct name names[] = {
	{ HPCD_F_1_EDX, 0, "fpu" },
	{ HPCD_F_1_EDX, 4, "tsc" },
	{ HPCD_F_1_EDX, 8, "cx8" },
	{ HPCD_F_1_EDX, 11, "sep" },
	{ HPCD_F_1_EDX, 15, "cmov" },
	{ HPCD_F_1_EDX, 19, "clflush" },
	{ HPCD_F_1_EDX, 23, "mmx" },
	{ HPCD_F_1_EDX, 24, "fxsr" },
	{ HPCD_F_1_EDX, 25, "sse" },
	{ HPCD_F_1_EDX, 26, "sse2" },
	{ HPCD_F_1_ECX, 0, "sse3" },
	{ HPCD_F_1_ECX, 1, "pclmulqdq" },
	{ HPCD_F_1_ECX, 9, "ssse3" },
	{ HPCD_F_1_ECX, 12, "fma" },
	{ HPCD_F_1_ECX, 13, "cx16" },
	{ HPCD_F_1_ECX, 19, "sse4_1" },
	{ HPCD_F_1_ECX, 20, "sse4_2" },
	{ HPCD_F_1_ECX, 22, "movbe" },
	{ HPCD_F_1_ECX, 23, "popcnt" },
	{ HPCD_F_1_ECX, 25, "aes" },
	{ HPCD_F_1_ECX, 26, "xsave" },
	{ HPCD_F_1_ECX, 27, "osxsave" },
	{ HPCD_F_1_ECX, 28, "avx" },
	{ HPCD_F_1_ECX, 29, "f16c" },
	{ HPCD_F_1_ECX, 30, "rdrand" },
	{ HPCD_F_7_EBX, 0, "fsgsbase" },
	{ HPCD_F_7_EBX, 3, "bmi1" },
	{ HPCD_F_7_EBX, 4, "hle" },
	{ HPCD_F_7_EBX, 5, "avx2" },
	{ HPCD_F_7_EBX, 8, "bmi2" },
	{ HPCD_F_7_EBX, 11, "rtm" },
	{ HPCD_F_7_EBX, 14, "mpx" },
	{ HPCD_F_7_EBX, 16, "avx512f" },
	{ HPCD_F_7_EBX, 17, "avx512dq" },
	{ HPCD_F_7_EBX, 18, "rdseed" },
	{ HPCD_F_7_EBX, 19, "adx" },
	{ HPCD_F_7_EBX, 21, "avx512ifma" },
	{ HPCD_F_7_EBX, 23, "clflushopt" },
	{ HPCD_F_7_EBX, 24, "clwb" },
	{ HPCD_F_7_EBX, 26, "avx512pf" },
	{ HPCD_F_7_EBX, 27, "avx512er" },
	{ HPCD_F_7_EBX, 28, "avx512cd" },
	{ HPCD_F_7_EBX, 29, "sha_ni" },
	{ HPCD_F_7_EBX, 30, "avx512bw" },
	{ HPCD_F_7_EBX, 31, "avx512vl" },
	{ HPCD_F_7_ECX, 0, "prefetchwt1" },
	{ HPCD_F_7_ECX, 1, "avx512vbmi" },
	{ HPCD_F_7_ECX, 4, "ospke" },
	{ HPCD_F_7_ECX, 5, "waitpkg" },
	{ HPCD_F_7_ECX, 6, "avx512_vbmi2" },
	{ HPCD_F_7_ECX, 8, "gfni" },
	{ HPCD_F_7_ECX, 9, "vaes" },
	{ HPCD_F_7_ECX, 10, "vpclmulqdq" },
	{ HPCD_F_7_ECX, 11, "avx512_vnni" },
	{ HPCD_F_7_ECX, 12, "avx512_bitalg" },
	{ HPCD_F_7_ECX, 14, "avx512_vpopcntdq" },
	{ HPCD_F_7_ECX, 22, "rdpid" },
	{ HPCD_F_7_ECX, 25, "cldemote" },
	{ HPCD_F_7_ECX, 27, "movdiri" },
	{ HPCD_F_7_ECX, 28, "movdir64b" },
	{ HPCD_F_7_EDX, 2, "avx512_4vnniw" },
	{ HPCD_F_7_EDX, 3, "avx512_4fmaps" },
	{ HPCD_F_7_EDX, 8, "avx512_vp2intersect" },
	{ HPCD_F_7_EDX, 14, "serialize" },
	{ HPCD_F_7_EDX, 16, "tsxldtrk" },
	{ HPCD_F_7_EDX, 22, "amx_bf16" },
	{ HPCD_F_7_EDX, 23, "avx512_fp16" },
	{ HPCD_F_7_EDX, 24, "amx_tile" },
	{ HPCD_F_7_EDX, 25, "amx_int8" },
	{ HPCD_F_7_1_EAX, 0, "sha512" },
	{ HPCD_F_7_1_EAX, 1, "sm3" },
	{ HPCD_F_7_1_EAX, 2, "sm4" },
	{ HPCD_F_7_1_EAX, 4, "avx_vnni" },
	{ HPCD_F_7_1_EAX, 5, "avx512_bf16" },
	{ HPCD_F_7_1_EAX, 7, "cmpccxadd" },
	{ HPCD_F_7_1_EAX, 21, "amx_fp16" },
	{ HPCD_F_7_1_EAX, 23, "avx_ifma" },
	{ HPCD_F_7_1_EDX, 4, "avx_vnni_int8" },
	{ HPCD_F_7_1_EDX, 5, "avx_ne_convert" },
	{ HPCD_F_7_1_EDX, 8, "amx_complex" },
	{ HPCD_F_7_1_EDX, 10, "avx_vnni_int16" },
	{ HPCD_F_7_1_EDX, 14, "prefetchi" },
	{ HPCD_F_7_1_EDX, 19, "avx10" },
	{ HPCD_F_7_1_EDX, 21, "apx" },
	{ HPCD_F_D_1_EAX, 0, "xsaveopt" },
	{ HPCD_F_D_1_EAX, 1, "xsavec" },
	{ HPCD_F_D_1_EAX, 2, "xgetbv1" },
	{ HPCD_F_14_EBX, 4, "ptwrite" },
	{ HPCD_F_19_EBX, 0, "aeskle" },
	{ HPCD_F_19_EBX, 2, "wide_kl" },
	{ HPCD_F_EXT_1_ECX, 0, "lahf_lm" },
	{ HPCD_F_EXT_1_ECX, 5, "abm" },
	{ HPCD_F_EXT_1_ECX, 6, "sse4a" },
	{ HPCD_F_EXT_1_ECX, 7, "misalignsse" },
	{ HPCD_F_EXT_1_ECX, 8, "3dnowprefetch" },
	{ HPCD_F_EXT_1_ECX, 11, "xop" },
	{ HPCD_F_EXT_1_ECX, 15, "lwp" },
	{ HPCD_F_EXT_1_ECX, 16, "fma4" },
	{ HPCD_F_EXT_1_ECX, 21, "tbm" },
	{ HPCD_F_EXT_1_ECX, 29, "mwaitx" },
	{ HPCD_F_EXT_1_EDX, 11, "syscall" },
	{ HPCD_F_EXT_1_EDX, 22, "mmxext" },
	{ HPCD_F_EXT_1_EDX, 27, "rdtscp" },
	{ HPCD_F_EXT_1_EDX, 29, "lm" },
	{ HPCD_F_EXT_1_EDX, 30, "3dnowext" },
	{ HPCD_F_EXT_1_EDX, 31, "3dnow" },
	{ HPCD_F_EXT_8_EBX, 0, "clzero" },
	{ HPCD_F_EXT_8_EBX, 4, "rdpru" },
	{ HPCD_F_XCR0_LOW, 0, "x87 state" },
	{ HPCD_F_XCR0_LOW, 1, "sse state" },
	{ HPCD_F_XCR0_LOW, 2, "avx state" },
	{ HPCD_F_XCR0_LOW, 3, "mpx bounds" },
	{ HPCD_F_XCR0_LOW, 4, "mpx configuration" },
	{ HPCD_F_XCR0_LOW, 5, "avx512 mask state" },
	{ HPCD_F_XCR0_LOW, 6, "avx512 upper state" },
	{ HPCD_F_XCR0_LOW, 7, "avx512 high state" },
	{ HPCD_F_XCR0_LOW, 9, "pkru state" },
	{ HPCD_F_XCR0_LOW, 17, "amx tile configuration" },
	{ HPCD_F_XCR0_LOW, 18, "amx tile data" },
	{ HPCD_F_XCR0_LOW, 19, "apx state" },
	{ HPCD_F_HWCAP2, 1, "fsgsbase for programs" },
};

#define NAMES (sizeof(names) / sizeof(*names))

/* What the psABI calls x86-64-v1, and no XSAVE: the register state travels as it is used. */
static const uint32_t baseline[HPCD_FEATURE_WORDS] = {
	[HPCD_F_1_EDX] = BIT(0) | BIT(4) | BIT(8) | BIT(15) | BIT(19) | BIT(23) | BIT(24) |
			 BIT(25) | BIT(26),
	[HPCD_F_EXT_1_EDX] = BIT(11) | BIT(29),
};

/* --- reading ------------------------------------------------------------------------- */

static void ask(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
				 : "0"(leaf), "2"(subleaf));
}

/* EAX, EBX, ECX, EDX; zero of a leaf that this processor does not have. */
static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	ask(leaf & 0x80000000, 0, r);
	if (r[0] >= leaf)
		ask(leaf, subleaf, r);
	else
		memset(r, 0, 4 * sizeof(*r));
}

/* What XGETBV would say, without an instruction that not every processor has. */
static void xcr0(uint32_t *low, uint32_t *high)
{
	uint64_t state = 0;

	if (syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &state))
		state = 0;
	*low = (uint32_t)state;
	*high = (uint32_t)(state >> 32);
}

static uint32_t mask_of(enum hpcd_feature_word word)
{
	uint32_t mask = 0;
	size_t i;

	/* State of registers that has no name yet counts too. */
	if (word == HPCD_F_XCR0_LOW || word == HPCD_F_XCR0_HIGH)
		return UINT32_MAX;
	for (i = 0; i < NAMES; i++)
		if (names[i].word == word)
			mask |= BIT(names[i].bit);
	return mask;
}

void hpcd_features_read(struct hpcd_features *ret_features)
{
	struct hpcd_features f = { 0 };
	uint32_t r[4], most;
	size_t i;

	cpuid(1, 0, r);
	f.word[HPCD_F_1_EDX] = r[3];
	f.word[HPCD_F_1_ECX] = r[2];
	cpuid(7, 0, r);
	most = r[0];
	f.word[HPCD_F_7_EBX] = r[1];
	f.word[HPCD_F_7_ECX] = r[2];
	f.word[HPCD_F_7_EDX] = r[3];
	if (most >= 1) {
		cpuid(7, 1, r);
		f.word[HPCD_F_7_1_EAX] = r[0];
		f.word[HPCD_F_7_1_EDX] = r[3];
	}
	if (f.word[HPCD_F_1_ECX] & OSXSAVE) {
		cpuid(0xd, 1, r);
		f.word[HPCD_F_D_1_EAX] = r[0];
		xcr0(&f.word[HPCD_F_XCR0_LOW], &f.word[HPCD_F_XCR0_HIGH]);
	}
	cpuid(0x14, 0, r);
	f.word[HPCD_F_14_EBX] = r[1];
	cpuid(0x19, 0, r);
	f.word[HPCD_F_19_EBX] = r[1];
	cpuid(0x80000001, 0, r);
	f.word[HPCD_F_EXT_1_ECX] = r[2];
	f.word[HPCD_F_EXT_1_EDX] = r[3];
	cpuid(0x80000008, 0, r);
	f.word[HPCD_F_EXT_8_EBX] = r[1];
	f.word[HPCD_F_HWCAP2] = getauxval(AT_HWCAP2);

	for (i = 0; i < HPCD_FEATURE_WORDS; i++)
		f.word[i] &= mask_of(i);
	*ret_features = f;
}

void hpcd_features_baseline(struct hpcd_features *features)
{
	size_t i;

	for (i = 0; i < HPCD_FEATURE_WORDS; i++)
		features->word[i] &= baseline[i];
}

/* --- comparing ------------------------------------------------------------------------- */

static void add_word(char *text, size_t size, const char *word)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len ? ", " : "", word);
}

/* The names of all bits set; bits without a name as word.bit. */
static void name_bits(const uint32_t word[HPCD_FEATURE_WORDS], char *text, size_t size)
{
	uint32_t known[HPCD_FEATURE_WORDS] = { 0 };
	char number[32];
	size_t i;
	int bit;

	text[0] = '\0';
	for (i = 0; i < NAMES; i++) {
		known[names[i].word] |= BIT(names[i].bit);
		if (word[names[i].word] & BIT(names[i].bit))
			add_word(text, size, names[i].name);
	}
	for (i = 0; i < HPCD_FEATURE_WORDS; i++) {
		for (bit = 0; bit < 32; bit++) {
			if (!(word[i] & ~known[i] & BIT(bit)))
				continue;
			snprintf(number, sizeof(number), "feature %zu.%d", i, bit);
			add_word(text, size, number);
		}
	}
}

/*
 * glibc's lazy binding saves registers in an area whose size it asked for at the
 * start, with a mask of all it knows.  XSAVEC leaves out what is unused; XSAVE
 * writes whatever the processor has, and would write behind that area where
 * there is more state than at home.
 */
static bool layout_differs(const struct hpcd_features *home, const struct hpcd_features *target)
{
	if (!(home->word[HPCD_F_1_ECX] & OSXSAVE) || home->word[HPCD_F_D_1_EAX] & XSAVEC)
		return false;
	return home->word[HPCD_F_XCR0_LOW] != target->word[HPCD_F_XCR0_LOW] ||
	       home->word[HPCD_F_XCR0_HIGH] != target->word[HPCD_F_XCR0_HIGH];
}

int hpcd_features_check(const struct hpcd_features *home, const struct hpcd_features *target,
			char *ret_text, size_t size)
{
	uint32_t lacking[HPCD_FEATURE_WORDS], any = 0;
	char text[160];
	size_t i;

	for (i = 0; i < HPCD_FEATURE_WORDS; i++) {
		lacking[i] = home->word[i] & ~target->word[i];
		any |= lacking[i];
	}
	if (any) {
		name_bits(lacking, text, sizeof(text));
		snprintf(ret_text, size, "its processor lacks %s", text);
		return -ENOTSUP;
	}
	if (layout_differs(home, target)) {
		snprintf(ret_text, size, "its processor saves more registers than programs that "
			 "were started here leave room for");
		return -ENOTSUP;
	}
	return 0;
}
