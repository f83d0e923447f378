/* SPDX-License-Identifier: GPL-2.0-only */
/* How fast a processor of this machine is; measured, as its name says little. */
#ifndef TESSERA_HPCD_SPEED_H
#define TESSERA_HPCD_SPEED_H

#include <stdint.h>

/*
 * HPC_SPEED_STANDARD for the standard processor.  The best of many short runs, in
 * processor time: what else the machine does meanwhile counts little.  Two digits
 * are exact; more would only make equal machines look unequal.
 */
uint32_t hpcd_speed_measure(void);

/* @ns for one step of the measurement; and to two digits. */
uint32_t hpcd_speed_of(double ns);

#endif
