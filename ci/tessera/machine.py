# SPDX-License-Identifier: GPL-2.0-only
"""One emulated PC: its QEMU, its console, its command channel."""

from __future__ import annotations

import enum
import os
import re
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

from . import artifacts, files, process, sockets, tsc
from .agent import Agent, Result
from .console import Console, Report, scan
from .errors import AgentLost, ClusterError, CommandFailed, UsageError, WaitTimeout
from .image import ppm_to_png
from .network import Lan, Port
from .qmp import Event, Qmp
from .timing import Deadline, retry, scale

ROOTS = ("node", "debian")
BOOTS = ("kernel", "iso", "usb", "pxe")
FIRMWARES = ("bios", "uefi")
MEMORY_MIB = {"node": 384, "debian": 768}
PANIC = re.compile(r"Kernel panic - not syncing")
NETEM = "/run/tessera-netem"  # where the program for netem() is put
# Without the string instructions that the emulator makes slow.
CPU = "max,-erms,-fsrm"


@dataclass
class NodeSpec:
    """What a node is made of. None means: the default of its kind."""
    name: str = ""
    number: int = 0  # 1.. in the order of nodes; names, MACs and addresses follow it
    root: str = "node"  # what runs in the end: 'node' (initramfs) or 'debian'
    boot: str = "kernel"  # how it gets there: 'kernel' (QEMU loads it), 'iso' (CD), 'usb' (stick), 'pxe'
    firmware: str = "bios"
    memory: int | None = None  # MiB
    cpus: int = 1
    cpu: str = CPU
    disk: int = 0  # MiB of an empty extra disk; 0: none
    nics: Sequence[str] = ("lan0",)  # the LAN of each
    cmdline: str = ""  # more kernel parameters
    discovery: bool = True  # False: the node is told to look for no others
    balance: bool = True  # False: processes move only when they are told to
    set_number: bool = True  # tell the node its number; False: it takes its default
    later: bool = False  # not switched on with the others
    iso: Path | None = None  # what is in the drive, or on the stick
    stick: Path | None = None  # another USB stick that may be written to
    kernel: str = ""  # 'base', 'debug' or a path; '': as KERNEL in the environment says
    initramfs: Path | None = None

    def set_flavour(self, flavour: str) -> None:
        """Sets root, boot and firmware from words such as 'debian', 'iso+uefi'."""
        for word in flavour.replace(",", "+").split("+"):
            if word in ROOTS:
                self.root = word
            elif word in BOOTS:
                self.boot = word
            elif word in FIRMWARES:
                self.firmware = word
            else:
                raise UsageError(f"'{word}' is no flavour: combine {', '.join(ROOTS + BOOTS + FIRMWARES)}")

    def check(self) -> None:
        """Raises UsageError for what cannot be, before anything is started."""
        for value, known in ((self.root, ROOTS), (self.boot, BOOTS), (self.firmware, FIRMWARES)):
            if value not in known:
                raise UsageError(f"'{value}' is not one of {', '.join(known)}")
        if not 64 <= self.mem <= 1 << 20 or not 1 <= self.cpus <= 64 or self.disk < 0:
            raise UsageError(f"{self.name}: {self.mem} MiB, {self.cpus} CPUs, disk of "
                             f"{self.disk} MiB: out of range")
        if not 1 <= self.number <= 65533:
            raise UsageError(f"{self.name}: {self.number} is no node number")
        if self.boot in ("iso", "usb") and not self.iso:
            raise UsageError(f"{self.name}: boots from an ISO image, but none is named")

    @property
    def mem(self) -> int:
        if self.memory is not None:
            return self.memory
        debug = (self.kernel or artifacts.default_kernel()) == "debug"
        return MEMORY_MIB[self.root] * (2 if debug else 1)

    def ports(self) -> list[tuple[str, Port]]:
        """(LAN, port) of each NIC; MACs depend on node and NIC number only."""
        high, low = divmod(self.number, 256)
        return [(lan, Port(self.name, nic, f"52:54:00:{0x70 + nic:02x}:{high:02x}:{low:02x}",
                           self.number))
                for nic, lan in enumerate(self.nics)]

    def kernel_cmdline(self) -> str:
        """Kernel parameters of a node that QEMU or a PXE menu boots."""
        # An emulated processor may wait long for a real one: that is no stall yet.
        words = ["console=ttyS0,115200", "printk.time=1", "panic=-1",
                 "rcupdate.rcu_cpu_stall_timeout=60", "watchdog_thresh=60",
                 *([f"tsc_early_khz={tsc.khz()}"] if tsc.khz() else []),
                 f"tessera.hostname={self.name}"]
        if self.set_number:
            words.append(f"tessera.node={self.number}")
        if not self.discovery:
            words.append("tessera.discovery=off")
        if not self.balance:
            words.append("hpc_stay=1")
        if self.root == "debian":
            words.append("tessera.root=/dev/vda")
        if (self.kernel or os.environ.get("KERNEL")) == "debug":
            # ACPI's tables of interrupt routes take that kernel's interpreter minutes, and KASAN
            # errs about five levels of page tables if an interrupt comes very early.
            words += ["acpi=noirq", "no5lvl"]
        return " ".join(words + ([self.cmdline] if self.cmdline else []))


class State(str, enum.Enum):
    OFF = "off"
    RUNNING = "running"
    CRASHED = "crashed"  # QEMU ended, and nobody asked it to


@dataclass
class _Watch:
    """What QMP events told; guarded by Node._changed."""
    agent_open: bool = False
    resets: int = 0
    ended: bool = False
    expected_resets: int = 0
    surprises: list[str] = field(default_factory=list)


class Node:
    """A PC that can be powered, cabled, watched and told to run commands.

    All waits have deadlines in seconds, scaled by TESSERA_TIMEOUT_SCALE.
    """

    def __init__(self, spec: NodeSpec, folder: Path, lans: dict[str, Lan]):
        spec.check()
        self.spec = spec
        self.name = spec.name
        self.folder = folder / spec.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.console = Console(self.folder / "console.log", spec.name)
        self._root = folder
        self._lans = lans
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None
        self._agent: Agent | None = None
        self._changed = threading.Condition()
        self._connecting = threading.Lock()
        self._watch = _Watch()
        self._boot_mark = 0
        self._stopping = False
        self.expected_reports: list[re.Pattern[str]] = []

    def __repr__(self) -> str:
        return self.name

    # -- power ---------------------------------------------------------

    @property
    def state(self) -> State:
        if self._process is None:
            return State.OFF
        return State.RUNNING if self._process.poll() is None else State.CRASHED

    @property
    def pid(self) -> int | None:
        """Process id of QEMU, None when off."""
        return self._process.pid if self._process and self.state == State.RUNNING else None

    def start(self) -> None:
        """Switches the PC on, and returns without waiting for what boots."""
        if self.state == State.RUNNING:
            raise UsageError(f"{self.name} is already running")
        self._clear()
        self._boot_mark = self.console.position()
        ours, theirs = socket.socketpair()
        space = next(iter(self._lans.values())).space
        with theirs:
            argv = self._command(theirs.fileno())
            self._process = process.start(argv, self._root, self.folder / "qemu.log",
                                          pass_fds=[theirs.fileno()], prefix=space.enter)
        try:
            self._qmp = Qmp(ours, self._on_event, self._on_end)
        except ClusterError as error:
            process.kill(self._process)
            said = (self.folder / "qemu.log").read_text(errors="replace").strip()
            raise ClusterError(f"{self.name} did not start: {said[-800:] or error}") from error

    def kill(self) -> None:
        """Power cut: no warning, and nothing in memory survives."""
        self._need_running()
        self._stopping = True
        process.kill(self._process)
        self._clear()

    def shutdown(self, timeout: float = 60) -> None:
        """Has the node power itself off in its own way, and waits for that."""
        self._stopping = True
        self._order("poweroff")
        self._wait(lambda: self._watch.ended, timeout, "power-off")
        process.kill(self._process)
        self._clear()

    def reboot(self, hard: bool = False, timeout: float = 120) -> None:
        """Restarts the node (hard: reset button) and waits until it is ready again."""
        self._need_running()
        with self._changed:
            self._watch.expected_resets += 1
            want = self._watch.resets + 1
        if hard:
            self.qmp("system_reset")
        else:
            self._order("reboot")
        self._wait(lambda: self._watch.resets >= want, timeout, "reset")
        self.wait_ready(timeout)

    def _order(self, command: str) -> None:
        """Gives a command that takes the agent down with it."""
        try:
            self.execute(command, timeout=30)
        except (AgentLost, WaitTimeout):
            pass

    def expect_reset(self) -> None:
        """The node's next reset is part of the plan (say, a panic made on purpose)."""
        with self._changed:
            self._watch.expected_resets += 1

    def wait_reset(self, count: int = 1, timeout: float = 120) -> None:
        """Waits until the node has been reset `count` times since it was started."""
        self._wait(lambda: self._watch.resets >= count, timeout, f"reset number {count}")

    @property
    def resets(self) -> int:
        """How often the PC was reset since it was switched on."""
        return self._watch.resets

    def close(self) -> None:
        """Ends whatever is left; for cluster shutdown."""
        self._stopping = True
        process.kill(self._process)
        self._clear()

    def _clear(self) -> None:
        if self._agent:
            self._agent.close()
        if self._qmp:
            self._qmp.close()
        surprises = self._watch.surprises
        self._agent = self._qmp = self._process = None
        self._watch = _Watch(surprises=surprises)
        self._stopping = False

    def _need_running(self) -> None:
        if self.state != State.RUNNING:
            raise UsageError(f"{self.name} is not running ({self.state.value})")

    # -- QEMU ----------------------------------------------------------

    def _command(self, qmp_fd: int) -> list[str]:
        s, here = self.spec, self.name
        argv = [artifacts.qemu(), "-name", s.name, "-no-user-config", "-nodefaults",
                "-machine", "q35" if s.firmware == "uefi" else "pc",
                "-accel", "tcg,thread=multi", "-cpu", s.cpu, "-smp", str(s.cpus),
                "-m", f"{s.mem}M", "-display", "none", "-vga", "std", "-rtc", "base=utc",
                "-chardev", f"socket,id=qmp,fd={qmp_fd}", "-mon", "chardev=qmp,mode=control",
                "-chardev", f"socket,id=console,path={here}/console.sock,server=on,wait=off,"
                            f"logfile={here}/console.log,logappend=on",
                "-serial", "chardev:console",
                "-object", "rng-random,id=entropy,filename=/dev/urandom",
                "-device", "virtio-rng-pci,rng=entropy",
                "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=agent,path={here}/agent.sock,server=on,wait=off",
                "-device", "virtserialport,chardev=agent,id=agent,name=org.tessera.agent"]
        return argv + self._firmware() + self._boot_source() + self._disks() + self._nics()

    def _firmware(self) -> list[str]:
        if self.spec.firmware == "bios":
            return []
        code, template = artifacts.uefi()
        variables = self.folder / "uefi-variables.fd"
        if not variables.exists():
            shutil.copyfile(template, variables)
        return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
                "-drive", f"if=pflash,format=raw,unit=1,file={self.name}/uefi-variables.fd"]

    def _boot_source(self) -> list[str]:
        s = self.spec
        if s.boot == "iso":
            image = artifacts.existing(Path(s.iso or ""), "ISO image", "make iso")
            return ["-drive", f"if=none,id=cd,media=cdrom,readonly=on,format=raw,file={image}",
                    "-device", "ide-cd,drive=cd,bootindex=0"]
        if s.boot == "usb":
            image = artifacts.existing(Path(s.iso or ""), "ISO image", "make iso")
            return ["-device", "qemu-xhci,id=usb",
                    "-drive", f"if=none,id=usb-stick,readonly=on,format=raw,file={image}",
                    "-device", "usb-storage,bus=usb.0,drive=usb-stick,bootindex=0,removable=on"]
        if s.boot == "pxe":
            return []  # the first NIC has the boot index
        initramfs = s.initramfs or artifacts.initramfs()
        return ["-kernel", str(artifacts.kernel(s.kernel)), "-initrd", str(initramfs),
                "-append", s.kernel_cmdline()]

    def _disks(self) -> list[str]:
        argv: list[str] = []
        if self.spec.root == "debian" and self.spec.boot in ("kernel", "pxe"):
            argv += ["-drive", "if=none,id=root,format=raw,readonly=on,"
                               f"file={artifacts.debian_root()}",
                     "-device", "virtio-blk-pci,drive=root"]
        if self.spec.stick:
            argv += ["-device", "qemu-xhci,id=usb2",
                     "-drive", f"if=none,id=stick,format=raw,file={self.spec.stick}",
                     "-device", "usb-storage,bus=usb2.0,drive=stick,removable=on"]
        if self.spec.disk:
            with open(self.folder / "disk.raw", "ab") as disk:
                disk.truncate(self.spec.disk << 20)
            argv += ["-drive", f"if=none,id=disk,format=raw,file={self.name}/disk.raw",
                     "-device", "virtio-blk-pci,drive=disk"]
        return argv

    def _nics(self) -> list[str]:
        argv: list[str] = []
        for lan, port in self.spec.ports():
            ident = f"net{port.nic}"
            # QEMU does not always remove the socket of a predecessor that was killed.
            (self.folder / f"net{port.nic}.qemu").unlink(missing_ok=True)
            device = f"virtio-net-pci,netdev={ident},id=nic{port.nic},mac={port.mac}"
            # UEFI has a network stack and a driver of its own, as real PCs do.
            if self.spec.boot != "pxe" or self.spec.firmware == "uefi":
                device += ",romfile="
            if self.spec.boot == "pxe" and port.nic == 0:
                device += ",bootindex=0"
            argv += ["-netdev", self._lans[lan].netdev(port, ident), "-device", device]
        return argv

    def _on_event(self, event: Event) -> None:
        name, data = event["event"], event.get("data", {})
        with self._changed:
            watch = self._watch
            if name == "VSERPORT_CHANGE" and data.get("id") == "agent":
                watch.agent_open = data["open"]
                self._drop_agent()
            elif name == "RESET":
                watch.agent_open = False
                self._drop_agent()
                # The firmware may follow a guest's reset with one of its own.
                if self.console.position() == self._boot_mark:
                    return
                self._boot_mark = self.console.position()
                watch.resets += 1
                if watch.expected_resets:
                    watch.expected_resets -= 1
                else:
                    watch.surprises.append(f"{self.name} reset itself ({data.get('reason')})")
            elif name == "SHUTDOWN":
                watch.ended = True
                if not self._stopping:
                    watch.surprises.append(f"{self.name} powered off ({data.get('reason')})")
            self._changed.notify_all()

    def _on_end(self) -> None:
        with self._changed:
            if not self._stopping and not self._watch.ended:
                self._watch.surprises.append(f"{self.name}: QEMU ended unasked; see qemu.log")
            self._watch.ended = True
            self._drop_agent()
            self._changed.notify_all()

    def _drop_agent(self) -> None:
        if self._agent:
            self._agent.close()
            self._agent = None

    def _wait(self, condition: Any, seconds: float, what: str) -> None:
        deadline = Deadline(seconds)
        with self._changed:
            if self._changed.wait_for(condition, deadline.remaining()):
                return
        raise WaitTimeout(f"{self.name}: {what}: not within {deadline.seconds:g} s; the "
                          f"console ends:\n{self._console_tail()}")

    def _console_tail(self) -> str:
        return "\n".join(self.console.text(self._boot_mark).splitlines()[-15:])

    def qmp(self, command: str, **arguments: Any) -> Any:
        """A command of QEMU's control protocol."""
        if not self._qmp:
            raise UsageError(f"{self.name} is not running")
        return self._qmp.execute(command, **arguments)

    # -- commands ------------------------------------------------------

    def wait_ready(self, timeout: float = 120) -> None:
        """Waits until the node takes commands. A panic ends the wait at once."""
        deadline, mark = Deadline(timeout), self._boot_mark
        while True:
            with self._changed:
                ready = self._changed.wait_for(
                    lambda: self._watch.agent_open or self._watch.ended,
                    min(0.5 * scale(), deadline.remaining()))
                ended = self._watch.ended
            if ended:
                raise ClusterError(f"{self.name} ended while booting; the console ends:\n"
                                   f"{self._console_tail()}")
            if ready:
                self.agent()
                return
            panic = PANIC.search(self.console.text(mark))
            if panic:
                raise ClusterError(f"{self.name} panicked while booting:\n"
                                   + self.console.text(mark)[max(0, panic.start() - 1500):])
            if deadline.passed:
                raise WaitTimeout(f"{self.name}: no agent within {deadline.seconds:g} s; "
                                  f"the console ends:\n{self._console_tail()}")

    @property
    def ready(self) -> bool:
        """True while the node would take commands."""
        return self.state == State.RUNNING and self._watch.agent_open

    def agent(self) -> Agent:
        """The connection to the node's agent, made when first needed. Raises AgentLost."""
        with self._connecting:
            agent = self._agent
            if agent and agent.alive:
                return agent
            if self.state != State.RUNNING:
                raise AgentLost(f"{self.name} is not running ({self.state.value})")
            if not self._watch.agent_open:
                raise AgentLost(f"{self.name} does not take commands (still booting, or down)")
            try:
                sock = sockets.connect(self.folder / "agent.sock")
            except OSError as error:
                raise AgentLost(f"{self.name}: no agent socket: {error}") from error
            self._agent = agent = Agent(sock, self.name)
            return agent

    def execute(self, command: str | Sequence[str], timeout: float = 60, stdin: bytes = b"",
                env: Sequence[str] = (), cwd: str = "") -> Result:
        """Runs a command, a string through sh -c, and tells how it ended.
        Raises WaitTimeout (it was killed), AgentLost (the node went away)."""
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
        return self.agent().run(argv, timeout=timeout, stdin=stdin, env=env, cwd=cwd)

    def succeed(self, *commands: str, timeout: float = 60) -> str:
        """Runs commands that must exit with 0; returns their standard output."""
        out = ""
        for command in commands:
            result = self.execute(command, timeout)
            if result.status:
                raise CommandFailed(f"{self.name}: '{command}' exited with {result.status}\n"
                                    f"{result.stdout}{result.stderr}")
            out += result.stdout
        return out

    def fail(self, *commands: str, timeout: float = 60) -> str:
        """Runs commands that must not exit with 0; returns their standard output."""
        out = ""
        for command in commands:
            result = self.execute(command, timeout)
            if not result.status:
                raise CommandFailed(f"{self.name}: '{command}' succeeded unexpectedly\n"
                                    f"{result.stdout}{result.stderr}")
            out += result.stdout
        return out

    def wait_until_succeeds(self, command: str, timeout: float = 60) -> str:
        """Repeats a command until it exits with 0; returns the output of that run."""
        return self._repeat(command, timeout, lambda status: status == 0, "success of")

    def wait_until_fails(self, command: str, timeout: float = 60) -> str:
        """Repeats a command until it does not exit with 0."""
        return self._repeat(command, timeout, lambda status: status != 0, "failure of")

    def _repeat(self, command: str, timeout: float, good: Any, what: str) -> str:
        deadline = Deadline(timeout)
        last = Result(0)

        def attempt() -> Result | None:
            nonlocal last
            last = self.execute(command, max(deadline.remaining(), 1) / scale())
            return last if good(last.status) else None
        found = retry(attempt, timeout, f"{self.name}: {what} '{command}'", interval=0.25,
                      seen=lambda: f"status {last.status}: {last.stdout}{last.stderr}"[-2000:])
        return found.stdout

    def shell_interact(self) -> int:
        """A shell in the node on the terminal this runs on; returns its exit status."""
        from .terminal import interact
        return interact(self.agent(), [])

    # -- files ---------------------------------------------------------

    def copy_to(self, source: Path | str | bytes, target: str, mode: int | None = None) -> None:
        """Copies a file, bytes, or a folder's content into the node (files.copy_to)."""
        files.copy_to(self.agent(), source, target, mode)

    def copy_from(self, source: str, target: Path | str) -> None:
        """Copies a file of the node here."""
        files.copy_from(self.agent(), source, target)

    def read_file(self, source: str) -> bytes:
        """Content of a file of the node."""
        return files.read_file(self.agent(), source)

    # -- cables, screen, console ----------------------------------------

    def link_down(self, nic: int = 0) -> None:
        """Pulls the cable of a NIC; the node sees the carrier go."""
        self.qmp("set_link", name=f"nic{nic}", up=False)

    def link_up(self, nic: int = 0) -> None:
        """Puts the cable back."""
        self.qmp("set_link", name=f"nic{nic}", up=True)

    def interface(self, nic: int = 0) -> str:
        """The name of a NIC's interface in the node."""
        mac = self.spec.ports()[nic][1].mac
        return self.succeed(f"grep -lix {mac} /sys/class/net/*/address | cut -d/ -f5 | head -n1").strip()

    def addresses(self, nic: int = 0, version: int = 4) -> list[str]:
        """IP addresses of a NIC, without prefix lengths; empty while it has none."""
        text = self.succeed(f"ip -o -{version} address show dev {self.interface(nic)}")
        return re.findall(r" inet6? ([0-9a-f.:]+)/", text)

    def address(self, nic: int = 0, timeout: float = 60, begins: str = "") -> str:
        """The first IPv4 address of a NIC; waits until there is one, and that begins so: on a
        slow host a link-local one may come before a DHCP server's."""
        return retry(lambda: [a for a in self.addresses(nic)[:1] if a.startswith(begins)],
                     timeout, f"{self.name}: an IPv4 address {begins} on NIC {nic}",
                     seen=lambda: str(self.addresses(nic)), interval=0.25)[0]

    def netem(self, delay: float = 0, loss: float = 0, jitter: float = 0, nic: int = 0) -> None:
        """Delay and jitter (ms) and loss (0..1) for what the node sends, by its own kernel's
        netem; all 0 takes that away."""
        if self.execute(["test", "-x", NETEM]).status:
            self.copy_to(artifacts.netem(), NETEM, 0o755)
        self.succeed(f"{NETEM} {self.interface(nic)} {delay * 1000:g} {jitter * 1000:g} {loss:g}")

    def screenshot(self, path: Path | str) -> None:
        """Writes what the VGA screen shows as PNG."""
        path = Path(path).absolute()
        part = path.with_name(path.name + ".part")
        try:
            try:
                self.qmp("screendump", filename=str(part), format="png")
            except ClusterError:  # a QEMU built without libpng
                self.qmp("screendump", filename=str(part))
                part.write_bytes(ppm_to_png(part.read_bytes()))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def wait_for_console_text(self, pattern: str, timeout: float = 60,
                              since: int | None = None) -> re.Match[str]:
        """Waits for a regular expression in the console log of this boot (or since a
        position that console.position() told)."""
        return self.console.wait_for(pattern, timeout, self._boot_mark if since is None else since)

    def console_send(self, text: str) -> None:
        """Types text on the serial console; returns when the PC has taken it all."""
        self._need_running()
        with sockets.connect(self.folder / "console.sock") as sock:
            sock.sendall(text.encode())
            # QEMU forgets what it has not read when the connection ends.
            retry(lambda: sockets.unread(sock) == 0, 30, f"{self.name}: keys taken by the console")

    def reports(self, since: int = 0) -> list[Report]:
        """Kernel reports on the console that no expect_report() allowed."""
        return [report for report in scan(self.console.text(since))
                if not any(rule.search(report.text) for rule in self.expected_reports)]

    def expect_report(self, pattern: str) -> None:
        """Kernel reports that match are part of the plan from now on."""
        self.expected_reports.append(re.compile(pattern))

    def take_surprises(self) -> list[str]:
        """Resets and ends of the node that nobody ordered, since the last call."""
        with self._changed:
            taken, self._watch.surprises = self._watch.surprises, []
        return taken
