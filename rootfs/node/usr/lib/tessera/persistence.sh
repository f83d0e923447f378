# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2154,SC2034
#
# The boot word `persistence`: what Debian changes is kept on the partition
# labelled `persistence`, as its file persistence.conf says; the same form as
# live-boot's persistence.conf(5):
#
#	/ union			everything
#	/home			a folder, copied from the image at first
#	/etc union		a folder, only what differs from the image
#	/srv source=data	kept in another folder of the partition
#
# Without that partition or that file, nothing is kept, and said so.

kept=/run/tessera/persistence

nothing_kept() { complain "persistence: $*; nothing will be kept"; }

mount_kept() {
	tries=20
	until device=$(findfs LABEL=persistence 2>/dev/null); do
		[ $((tries -= 1)) -gt 0 ] || {
			nothing_kept "no partition has the label 'persistence' (made with mkfs.ext4 -L persistence)"
			return 1
		}
		sleep 0.25
	done
	mkdir -p "$kept"
	mount -t ext4 -o noatime "$device" "$kept" 2>/dev/null || {
		nothing_kept "$device cannot be mounted as ext4 (see dmesg; e2fsck -f $device may mend it)"
		return 1
	}
	[ -r "$kept/persistence.conf" ] && return 0
	nothing_kept "$device has no file persistence.conf; write '/ union' into one"
	umount "$kept"
	return 1
}

# Reads one line into $folder, $style and $source.
take_line() {
	folder=$1 style=bind source=
	[ $# -eq 0 ] || shift
	for option; do
		for word in $(echo "$option" | tr ',' ' '); do
			case $word in
			bind | union) style=$word ;;
			source=*) source=${word#source=} ;;
			*) complain "persistence.conf: '$word' for $folder is not supported, ignoring it" ;;
			esac
		done
	done
	case $folder$source in
	*..*) complain "persistence.conf: '$folder' is no plain path, ignoring it"; return 1 ;;
	/*) ;;
	*) return 1 ;;
	esac
	source=$kept/${source:-${folder#/}}
}

# Calls a function for each line that is one.
each_line() {
	while read -r line; do
		case $line in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2086 # words are what is wanted
		take_line $line && "$1"
	done < "$kept/persistence.conf"
}

use_as_upper() {
	[ "$folder" = / ] || return 0
	mkdir -p "$source/rw" "$source/work" && upper=$source/rw work=$source/work
}

# Before the overlay is mounted: is all of it to be kept?
persist_root() {
	if mount_kept; then
		each_line use_as_upper
	else
		TESSERA_PERSISTENCE=
	fi
}

keep_folder() {
	[ "$folder" != / ] || return 0
	mkdir -p "$newroot$folder" "$source"
	case $style in
	bind)
		if [ ! -e "$source/.tessera-copied" ]; then
			cp -a "$newroot$folder/." "$source/" && : > "$source/.tessera-copied"
		fi
		mount -o bind "$source" "$newroot$folder" ;;
	union)
		mkdir -p "$source/rw" "$source/work"
		mount -t overlay -o "lowerdir=$newroot$folder,upperdir=$source/rw,workdir=$source/work" \
			overlay "$newroot$folder" ;;
	esac || complain "persistence: $folder cannot be kept (see dmesg)"
}

persist_folders() {
	[ -z "$TESSERA_PERSISTENCE" ] || each_line keep_folder
}
