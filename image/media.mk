# SPDX-License-Identifier: GPL-2.0-only
#
# What is booted: network boot, Debian packages, the ISO image.
#
#	make iso CLUSTER=lab		the cluster that the menu's entries join
#	make iso LIVE=			compute node only: 25 MiB
#	make iso LIVE=FILE.squashfs	another Debian root
#	make iso KEY=no			without the key: an image to give away
#	make iso FIRMWARE='firmware-bnx2 firmware-realtek'
#					with files of Debian's non-free-firmware
#	make iso BOOT_APPEND='...'	more kernel parameters in every entry
#
# KEY=no and FIRMWARE count for `make pxe` as well.

MEDIA_DIR      := $(B)/media
MEDIA_PACKAGES := $(MEDIA_DIR)/packages
NETBOOT_DIR    := $(MEDIA_DIR)/netboot
DEBS_DIR       := $(MEDIA_DIR)/debs
PXE_DIR        := $(B)/pxe
ISO_DIR        := $(B)/iso
ISO_IMAGE      := $(ISO_DIR)/tessera.iso

CLUSTER     ?= tessera
KEY         ?= yes
BOOT_APPEND ?=
LIVE        ?= $(LIVE_IMAGE)

MEDIA_KERNEL := $(B)/kernel/base/bzImage
MEDIA_NODE   := $(NODE_DIR)/node-hw.cpio.zst
MEDIA_KEY    := $(if $(filter no,$(KEY)),,$(NODE_KEY))

ifneq ($(KEY),$(filter $(KEY),yes no))
$(error KEY=$(KEY): say 'yes' or 'no')
endif

.PHONY: media-packages netboot debs pxe iso iso-test

media-packages:
	@config/need apt-get dpkg-deb tar
	@wanted=$$(image/fetch-packages --wanted config/packages/media.list) && \
	config/stage $(MEDIA_PACKAGES) -s "$$wanted" image/fetch-packages -- \
		image/fetch-packages config/packages/media.list

netboot: modules node-hardware media-packages
	@config/need zstd cpio
	@config/stage $(NETBOOT_DIR) $(MEDIA_KERNEL) $(MEDIA_NODE) \
		$(MEDIA_PACKAGES).key image/netboot -- \
		image/netboot/build-netboot $(MEDIA_KERNEL) $(MEDIA_NODE) $(MEDIA_PACKAGES)

debs: modules userland netboot ## Debian packages: kernel, daemons, tools, tessera-serve
	@config/need dpkg-deb objdump strip
	@config/stage $(MEDIA_DIR)/installed $(UL_SBIN:%=$(UL_DIR)/%) $(UL_BIN:%=$(UL_DIR)/%) $(UL_LIB:%=$(UL_DIR)/%) \
		userland/man userland/completion userland/userland.mk -- \
		sh -c '$(MAKE) -s -o userland install-userland DESTDIR="$$OUT"'
	@config/stage $(DEBS_DIR) -s "$(TESSERA_VERSION) $(SOURCE_DATE_EPOCH)" image/debs userland/serve \
		rootfs/node/usr/lib/tessera/hpcd.service rootfs/node/usr/lib/tessera/omdiscd.service $(MEDIA_DIR)/installed \
		$(NETBOOT_DIR) $(B)/kernel/base/System.map $(B)/kernel/base/config $(B)/kernel/base/modules -- \
		image/debs/build-debs $(B)/kernel/base $(MEDIA_DIR)/installed $(NETBOOT_DIR)

pxe: netboot $(CLUSTER_KEY) ## a folder for any TFTP and HTTP server, and dnsmasq's rules
	@config/stage $(PXE_DIR) -s "$(CLUSTER) $(KEY) $(BOOT_APPEND)" $(NETBOOT_DIR) $(MEDIA_KEY) image/pxe userland/serve -- \
		image/pxe/build-pxe $(NETBOOT_DIR) "$(CLUSTER)" "$(BOOT_APPEND)" $(MEDIA_KEY)
	@echo "$(PXE_DIR): see README there"

iso: netboot $(if $(filter $(LIVE_IMAGE),$(LIVE)),live) ## the ISO image for CD and USB, BIOS and UEFI
	@config/need xorriso mformat unsquashfs
	@config/stage $(ISO_DIR) -s "$(SOURCE_DATE_EPOCH) $(CLUSTER) $(KEY) $(BOOT_APPEND)" \
		$(NETBOOT_DIR) $(MEDIA_KEY) $(LIVE) $(MEDIA_PACKAGES).key image/iso image/list-sources -- \
		image/iso/build-iso $(MEDIA_PACKAGES) $(NETBOOT_DIR) "$(CLUSTER)" "$(BOOT_APPEND)" "$(MEDIA_KEY)" "$(LIVE)"
	@cat $(ISO_DIR)/summary

# For `make test`: the Debian root that is there anyway, and the kernel's messages
# on the serial port, where tests look for complaints.  An emulated processor that
# waits is no stall.
ISO_TEST_APPEND := console=tty0 console=ttyS0,115200 rcupdate.rcu_cpu_stall_timeout=60

iso-test: netboot rootfs
	@config/need xorriso mformat unsquashfs
	@config/stage $(B)/iso-test -s "$(ISO_TEST_APPEND)" $(NETBOOT_DIR) $(NODE_KEY) $(ROOTFS_IMAGE) $(MEDIA_PACKAGES).key \
		image/iso image/list-sources -- \
		image/iso/build-iso $(MEDIA_PACKAGES) $(NETBOOT_DIR) test "$(ISO_TEST_APPEND)" \
		$(NODE_KEY) $(ROOTFS_IMAGE)
