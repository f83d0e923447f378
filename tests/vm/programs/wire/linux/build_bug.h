/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernel/hpc/wire.h needs of the kernel's own header, for programs. */
#ifndef TESSERA_WIRE_BUILD_BUG_H
#define TESSERA_WIRE_BUILD_BUG_H

#include <assert.h>

#endif
