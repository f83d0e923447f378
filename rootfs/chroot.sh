# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the two stages of the Debian root share: own mounts, and a chroot that
# knows nothing of the build host.

die() { echo "rootfs: $*" >&2; exit 1; }
step() { echo "rootfs: $*" >&2; }

# Starts the script again with mounts and processes of its own, which the
# kernel ends however the script does: an interrupted build leaves only plain
# files, and nobody who still writes to them.
own_mounts() {
	[ "${TESSERA_OWN_MOUNTS-}" = 1 ] ||
		TESSERA_OWN_MOUNTS=1 exec unshare --mount --pid --fork --kill-child --propagation private "$0" "$@"
	trap 'exit 130' INT TERM
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
