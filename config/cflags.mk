# SPDX-License-Identifier: GPL-2.0-only
#
# The one set of flags for every C program of ours.  A guest may run on any
# x86-64 PC, so nothing is compiled for a newer processor than the baseline:
# -mtune=generic chooses instructions' order, never their set.  Flags that
# name an instruction set do not belong here, nor anywhere else in this tree.

CC        ?= gcc
TS_CPP    := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
TS_WARN   := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes \
	     -Wformat=2 -Wshadow -Wpointer-arith -Wundef -Wvla
TS_OPT    := -O2 -g -mtune=generic -fstack-protector-strong -fno-strict-aliasing \
	     -ffile-prefix-map=$(CURDIR)=. -fPIE
TS_CFLAGS  = -std=gnu11 $(TS_CPP) $(TS_WARN) $(TS_OPT)
TS_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--build-id=sha1

# The same sources with the sanitizers, for tests.
TS_SAN_CFLAGS  = -std=gnu11 $(TS_CPP) $(TS_WARN) -O1 -g -fno-omit-frame-pointer \
		 -fsanitize=address,undefined -fno-sanitize-recover=all
TS_SAN_LDFLAGS = -fsanitize=address,undefined
