-- SPDX-License-Identifier: GPL-2.0-only
--
-- Wireshark dissector of discovery's packets; the format is in docs/discovery.md.
-- Use: wireshark -X lua_script:docs/discovery.lua

local tessera = Proto("tessera_disc", "Tessera discovery")
local types = { [1] = "beat", [2] = "announce", [3] = "query", [4] = "goodbye" }
local f = {
	version = ProtoField.uint8("tessera_disc.version", "Version"),
	type = ProtoField.uint8("tessera_disc.type", "Type", base.DEC, types),
	hint = ProtoField.uint32("tessera_disc.hint", "Cluster", base.HEX),
	boot = ProtoField.uint64("tessera_disc.boot", "Boot id", base.HEX),
	counter = ProtoField.uint64("tessera_disc.counter", "Counter"),
	number = ProtoField.uint16("tessera_disc.number", "Node number"),
	holding = ProtoField.bool("tessera_disc.holding", "Number settled", 16, nil, 0x0001),
	fixed = ProtoField.bool("tessera_disc.fixed", "Number given by a person", 16, nil, 0x0002),
	block = ProtoField.bool("tessera_disc.block", "Takes no guests", 16, nil, 0x0004),
	interval = ProtoField.float("tessera_disc.interval", "Next beat within (s)"),
	load = ProtoField.uint64("tessera_disc.load", "Load"),
	util = ProtoField.uint8("tessera_disc.util", "Utilisation (%)"),
	seq = ProtoField.uint8("tessera_disc.info_seq", "Information number"),
	mem = ProtoField.uint64("tessera_disc.mem", "Memory to be had (KiB)"),
	rmem = ProtoField.uint64("tessera_disc.rmem", "Memory not in use (KiB)"),
	heard = ProtoField.uint32("tessera_disc.heard", "Heard of boot", base.HEX),
	age = ProtoField.float("tessera_disc.age", "So long ago (s)"),
	machine = ProtoField.uint64("tessera_disc.machine", "Machine", base.HEX),
	kernel = ProtoField.uint64("tessera_disc.kernel", "Kernel build", base.HEX),
	speed = ProtoField.uint32("tessera_disc.speed", "Speed"),
	cpus = ProtoField.uint16("tessera_disc.cpus", "Processors"),
	tmem = ProtoField.uint64("tessera_disc.tmem", "Memory (KiB)"),
	feature = ProtoField.uint32("tessera_disc.feature", "Processor features", base.HEX),
	release = ProtoField.string("tessera_disc.release", "Release"),
	ip4 = ProtoField.ipv4("tessera_disc.ip4", "Address"),
	ip6 = ProtoField.ipv6("tessera_disc.ip6", "Address"),
	host = ProtoField.string("tessera_disc.host", "Host name"),
	alive = ProtoField.uint32("tessera_disc.alive", "Are you there, boot", base.HEX),
	who = ProtoField.uint32("tessera_disc.who", "Who are you, boot", base.HEX),
	mac = ProtoField.bytes("tessera_disc.mac", "MAC"),
}
tessera.fields = f

local function small_float(range)
	local packed = range:le_uint()
	return UInt64(packed % 2048):lshift(math.floor(packed / 2048))
end

local sections = {
	[1] = function(tree, r)
		for at = 0, r:len() - 6, 6 do
			tree:add_le(f.heard, r(at, 4)):add(f.age, r(at + 4, 2), r(at + 4, 2):le_uint() / 64)
		end
	end,
	[2] = function(tree, r)
		tree:add_le(f.machine, r(0, 8))
		tree:add_le(f.kernel, r(8, 8))
		tree:add_le(f.speed, r(16, 4))
		tree:add_le(f.cpus, r(20, 2))
		tree:add(f.tmem, r(22, 2), small_float(r(22, 2)))
		for at = 24, 60, 4 do
			tree:add_le(f.feature, r(at, 4))
		end
		if r:len() > 64 then
			tree:add(f.release, r(64))
		end
	end,
	[3] = function(tree, r)
		local at = 0
		while at < r:len() do
			local bytes = r(at, 1):uint() == 4 and 4 or 16
			tree:add(bytes == 4 and f.ip4 or f.ip6, r(at + 1, bytes))
			at = at + 1 + bytes
		end
	end,
	[4] = function(tree, r)
		for at = 0, r:len() - 4, 4 do
			tree:add_le(f.alive, r(at, 4))
		end
	end,
	[5] = function(tree, r)
		for at = 0, r:len() - 4, 4 do
			tree:add_le(f.who, r(at, 4))
		end
	end,
	[6] = function(tree, r)
		tree:add(f.host, r())
	end,
}

local function add_header(tree, b)
	tree:add(f.version, b(2, 1))
	tree:add(f.type, b(3, 1))
	tree:add_le(f.hint, b(4, 4))
	tree:add_le(f.boot, b(8, 8))
	tree:add(f.counter, b(16, 6), b(16, 6):le_uint64())
	tree:add_le(f.number, b(22, 2))
end

local function add_state(tree, b)
	for _, flag in ipairs({ f.holding, f.fixed, f.block }) do
		tree:add_le(flag, b(24, 2))
	end
	tree:add(f.interval, b(26, 2), b(26, 2):le_uint() / 64)
	tree:add(f.load, b(28, 2), small_float(b(28, 2)))
	tree:add(f.util, b(30, 1))
	tree:add(f.seq, b(31, 1))
	tree:add(f.mem, b(32, 2), small_float(b(32, 2)))
	tree:add(f.rmem, b(34, 2), small_float(b(34, 2)))
end

function tessera.dissector(b, pinfo, root)
	if b:len() < 40 or b(0, 2):string() ~= "Ts" then
		return 0
	end
	local tree = root:add(tessera, b())
	local last = b:len() - 16
	pinfo.cols.protocol = "TESSERA"
	pinfo.cols.info = string.format("%s of node %d", types[b(3, 1):uint()] or "?", b(22, 2):le_uint())
	add_header(tree, b)
	tree:add(f.mac, b(last, 16))
	if b(2, 1):uint() ~= 1 then
		return b:len()
	end
	add_state(tree, b)
	local at = 36
	while at + 2 <= last do
		local kind, len = b(at, 1):uint(), b(at + 1, 1):uint()
		if kind == 4 or kind == 5 then
			len = len * 4
		end
		if at + 2 + len > last then
			break
		end
		if sections[kind] and len > 0 then
			sections[kind](tree, b(at + 2, len))
		end
		at = at + 2 + len
	end
	return b:len()
end

DissectorTable.get("udp.port"):add(5428, tessera)
