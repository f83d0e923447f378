/* SPDX-License-Identifier: GPL-2.0-only */
/* What kernel/hpc/wire.h needs of the kernel's own header, for programs. */
#ifndef TESSERA_WIRE_SIZES_H
#define TESSERA_WIRE_SIZES_H

#define SZ_1G 0x40000000

#endif
