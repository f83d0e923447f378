# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Is there a virtio-serial port for the agent?

has_agent_port() { grep -qsx org.tessera.agent /sys/class/virtio-ports/*/name; }

# The names of the ports come a moment after the device: wait for them, but
# only on a machine that has such a device.
wait_agent_port() {
	grep -qs '^virtio:d00000003v' /sys/bus/virtio/devices/*/modalias || return 1
	left=50
	until has_agent_port; do
		[ $((left -= 1)) -gt 0 ] || return 1
		sleep 0.1
	done
}
