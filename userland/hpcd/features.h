/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What programs can see of a processor.
 *
 * A program asks once what the processor can do and then relies on it, so it may
 * only go where all of that is.  Counted is what a program can use: bits that are
 * only for kernels, or only hints, keep nothing at home.
 */
#ifndef TESSERA_HPCD_FEATURES_H
#define TESSERA_HPCD_FEATURES_H

#include <stddef.h>
#include <stdint.h>

/* Their order is part of the protocol. */
enum hpcd_feature_word {
	HPCD_F_1_EDX,
	HPCD_F_1_ECX,
	HPCD_F_7_EBX,
	HPCD_F_7_ECX,
	HPCD_F_7_EDX,
	HPCD_F_7_1_EAX,
	HPCD_F_7_1_EDX,
	HPCD_F_D_1_EAX,
	HPCD_F_14_EBX,
	HPCD_F_19_EBX,
	HPCD_F_EXT_1_ECX,
	HPCD_F_EXT_1_EDX,
	HPCD_F_EXT_8_EBX,
	HPCD_F_XCR0_LOW,	/* register state the kernel has switched on */
	HPCD_F_XCR0_HIGH,
	HPCD_F_HWCAP2,		/* what only the kernel can say: AT_HWCAP2 */
	HPCD_FEATURE_WORDS
};

struct hpcd_features {
	uint32_t word[HPCD_FEATURE_WORDS];
};

/* Leaves of them what every x86-64 processor has, and portable programs rely on. */
void hpcd_features_baseline(struct hpcd_features *features);

/* Those of the processor this runs on. */
void hpcd_features_read(struct hpcd_features *ret_features);

/*
 * Can a program that started on @home go on on @target?  0, or -ENOTSUP and what
 * @target lacks, in words.
 */
int hpcd_features_check(const struct hpcd_features *home, const struct hpcd_features *target,
			char *ret_text, size_t size);

#endif
