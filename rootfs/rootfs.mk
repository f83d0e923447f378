# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian root: a squashfs with real programs in it, for tests now and for
# the live flavour later.  Two stages: the packages (slow, from the mirrors)
# and, on top of them, overlays and hooks.
#
#	make rootfs SUITE=bookworm	another suite, in a file of its own
#	TESSERA_MIRROR=URL TESSERA_SECURITY_MIRROR=URL
#					other mirrors than those of this machine's apt
#
# Packages are installed once; remove build/rootfs/packages-* for newer ones.

SUITE         ?= trixie
ROOTFS_LISTS  := config/packages/debian-base.list config/packages/debian-test.list
ROOTFS_HOOKS  := $(sort $(wildcard hooks/*.hook.chroot))
ROOTFS_DIR    := $(B)/rootfs
ROOTFS_BASE   := $(ROOTFS_DIR)/packages-$(SUITE)

ifeq ($(SUITE),trixie)
ROOTFS_IMAGE := $(ROOTFS_DIR)/debian.squashfs
else
ROOTFS_IMAGE := $(ROOTFS_DIR)/debian-$(SUITE).squashfs
endif

.PHONY: rootfs

rootfs: ## the Debian root (SUITE=trixie or bookworm), a squashfs
	@config/need -r debootstrap mksquashfs unshare apt-get
	@mirrors=$$(rootfs/mirrors) && \
	config/stage $(ROOTFS_BASE) -s "$(SUITE)" $(ROOTFS_LISTS) \
		rootfs/debian/etc/dpkg rootfs/build-debian rootfs/chroot.sh -- \
		rootfs/build-debian $(SUITE) $$mirrors $(ROOTFS_DIR)/cache/$(SUITE) $(ROOTFS_LISTS)
	@config/stage $(ROOTFS_IMAGE) $(ROOTFS_BASE).key $(ROOTFS_HOOKS) \
		rootfs/common rootfs/debian rootfs/build-squashfs rootfs/chroot.sh -- \
		rootfs/build-squashfs $(ROOTFS_BASE)
