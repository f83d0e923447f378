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

# The live flavour is a layer on top of that: more packages, and our own.
# FIRMWARE='firmware-realtek firmware-bnx2': packages of Debian's
# non-free-firmware, for the live root and for the node image (image/image.mk).
FIRMWARE      ?=
LIVE_LISTS    := config/packages/debian-live.list
LIVE_HOOKS    := $(sort $(wildcard hooks/live/*.hook.chroot))
LIVE_LAYER    := $(ROOTFS_DIR)/live-$(SUITE)
LIVE_IMAGE    := $(ROOTFS_DIR)/live.squashfs
ROOTFS_PARTS  := rootfs/build-squashfs rootfs/chroot.sh rootfs/common rootfs/debian $(ROOTFS_HOOKS)

.PHONY: rootfs rootfs-packages live live-packages

rootfs-packages:
	@config/need -r debootstrap mksquashfs unshare apt-get
	@mirrors=$$(rootfs/mirrors) && \
	config/stage $(ROOTFS_BASE) -s "$(SUITE)" $(ROOTFS_LISTS) \
		rootfs/debian/etc/dpkg rootfs/build-debian rootfs/chroot.sh rootfs/packages.sh -- \
		rootfs/build-debian $(SUITE) $$mirrors $(ROOTFS_DIR)/cache/$(SUITE) $(ROOTFS_LISTS)

rootfs: rootfs-packages ## the Debian root (SUITE=trixie or bookworm), a squashfs
	@config/stage $(ROOTFS_IMAGE) $(ROOTFS_BASE).key $(ROOTFS_PARTS) -- \
		rootfs/build-squashfs -o rootfs/common -o rootfs/debian -k hooks $(ROOTFS_BASE)

live-packages: rootfs-packages
	@mirrors=$$(rootfs/mirrors) && \
	config/stage $(LIVE_LAYER) -s "$(FIRMWARE)" $(ROOTFS_BASE).key $(LIVE_LISTS) \
		rootfs/build-layer rootfs/chroot.sh rootfs/packages.sh -- \
		rootfs/build-layer $(ROOTFS_BASE) $(SUITE) $$mirrors $(ROOTFS_DIR)/cache/$(SUITE) \
		$(LIVE_LISTS) $(FIRMWARE)

live: live-packages debs ## the live flavour's Debian root, a squashfs
	@config/stage $(LIVE_IMAGE) $(LIVE_LAYER).key $(ROOTFS_PARTS) rootfs/live $(LIVE_HOOKS) $(DEBS_DIR) -- \
		rootfs/build-squashfs -o rootfs/common -o rootfs/debian -k hooks -o rootfs/live -d $(DEBS_DIR) -k hooks/live \
		$(ROOTFS_BASE) $(LIVE_LAYER)/upper
