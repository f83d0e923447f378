# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the two stages of the Debian root share: own mounts, and a chroot that
# knows nothing of the build host.

die() { echo "rootfs: $*" >&2; exit 1; }
step() { echo "rootfs: $*" >&2; }

# Starts the script again in a mount namespace of its own, which the kernel
# tears down however the script ends: an interrupted build leaves only plain files.
own_mounts() {
	[ "${TESSERA_OWN_MOUNTS-}" = 1 ] ||
		TESSERA_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
}

mount_chroot() {
	mount -t proc proc "$1/proc"
	mount -t tmpfs tmpfs "$1/tmp"
	mount -t tmpfs tmpfs "$1/run"
}

umount_chroot() { umount "$1/run" "$1/tmp" "$1/proc"; }

run_chroot() {	# ROOT COMMAND...
	local root=$1; shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
		DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 chroot "$root" "$@"
}
