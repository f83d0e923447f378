# SPDX-License-Identifier: GPL-2.0-only
"""The cluster in a box itself: what all other VM tests rely on.

        node1 ---+--- node2        on a hub, with faults on demand
                 +--- node3
"""

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tessera import ClusterError, CommandFailed, WaitTimeout
from tessera.errors import AgentLost
from tessera.image import png_size_and_data
from tessera.timing import retry

MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(make_module_cluster):
    return make_module_cluster(3, seed=11)


@pytest.fixture
def nodes(cluster):
    yield cluster.nodes
    cluster.clear_faults()


def hears(one, other, count=1):
    """True if a ping from one to the other is answered."""
    assert one.address()
    return one.execute(f"ping -c {count} -W 2 {other.address()}", timeout=30).status == 0


def process(text):
    """A command that succeeds while a process with text in its command line is there;
    busybox has no pgrep."""
    return f"ps | grep -q '[{text[0]}]{text[1:]}'"


def round_trip_ms(one, other, count=5):
    """The least round trip time of some pings."""
    one.succeed(f"ping -c 1 -W 5 {other.address()}")  # so that ARP is done
    text = one.succeed(f"ping -c {count} -W 5 {other.address()}")
    return min(float(ms) for ms in re.findall(r"time=([\d.]+) ms", text))


# -- commands -------------------------------------------------------------


def test_commands_tell_how_they_ended(nodes):
    node = nodes[0]
    assert node.succeed("echo out; echo err >&2") == "out\n"
    result = node.execute("echo out; echo err >&2; exit 7")
    assert (result.status, result.stdout, result.stderr) == (7, "out\n", "err\n")
    assert node.execute("kill -TERM $$").status == 128 + 15
    assert node.execute(["printf", "%s|", "a b", "", "$HOME"]).stdout == "a b||$HOME|"
    node.fail("false")
    with pytest.raises(CommandFailed, match="exited with 3"):
        node.succeed("exit 3")
    with pytest.raises(CommandFailed, match="succeeded unexpectedly"):
        node.fail("true")
    with pytest.raises(CommandFailed, match="No such file"):
        node.execute(["/no/such/program"])
    with pytest.raises(CommandFailed, match="chdir '/no/such/folder'"):
        node.execute("true", cwd="/no/such/folder")


def test_input_environment_and_folder_reach_the_command(nodes):
    data = os.urandom(MIB)
    assert nodes[0].execute("cat", stdin=data).stdout_bytes == data
    assert nodes[0].execute("echo $COLOUR; pwd", env=["COLOUR=blue"], cwd="/tmp").stdout == "blue\n/tmp\n"


def test_input_nobody_reads_blocks_nobody(nodes):
    started = time.monotonic()
    assert nodes[0].execute("exit 4", stdin=bytes(4 * MIB)).status == 4
    assert nodes[0].execute("exec <&-; sleep 0.3; exit 5", stdin=bytes(4 * MIB)).status == 5
    assert time.monotonic() - started < 30


def test_slow_commands_are_killed_with_all_their_children(nodes):
    with pytest.raises(WaitTimeout, match="began"):
        nodes[0].execute("echo began; sleep 4321 & sleep 4321", timeout=1)
    nodes[0].wait_until_fails(process("sleep 4321"), timeout=10)


def test_children_left_behind_do_not_hold_up_the_end(nodes):
    started = time.monotonic()
    pid = int(nodes[0].succeed("sleep 1234 & echo $!", timeout=30))
    assert time.monotonic() - started < 15
    nodes[0].succeed(f"kill {pid}")


def test_many_commands_at_once(nodes):
    def work(i):
        return nodes[i % 3].succeed(f"seq {i * 1000} {i * 1000 + 999}; sleep 1")
    started = time.monotonic()
    with ThreadPoolExecutor(24) as pool:
        outputs = list(pool.map(work, range(24)))
    assert time.monotonic() - started < 20, "they ran one after the other"
    for i, output in enumerate(outputs):
        assert output.split() == [str(n) for n in range(i * 1000, i * 1000 + 1000)]


def test_more_sessions_than_the_agent_has_are_refused(nodes):
    agent = nodes[2].agent()
    sessions = [agent.session(["sleep", "60"]) for _ in range(64)]
    with pytest.raises(CommandFailed, match="busy"):
        nodes[2].execute("true")
    for session in sessions:
        session.close()
    nodes[2].succeed("true")


def test_output_nobody_reads_stops_no_other_session(nodes):
    flood = nodes[1].agent().session(["sh", "-c", "yes $$"])
    assert nodes[1].succeed("seq 20000 | wc -l").strip() == "20000"
    pid = flood.next()
    flood.close()
    assert pid[0] and nodes[1].succeed("true") == ""
    nodes[1].wait_until_fails(process("yes "), timeout=10)


def test_signals_reach_the_command(nodes):
    session = nodes[0].agent().session(["sh", "-c", "trap 'echo caught; exit 9' USR1; echo set;"
                                        " while :; do sleep 0.1; done"])
    output = b""
    for kind, payload in session.events():
        if payload == b"set\n":
            session.signal(10)
        output += payload if kind == 12 else b""
    assert output == b"set\ncaught\n"
    assert payload[:8] == bytes((0, 0, 0, 0, 9, 0, 0, 0))


def test_terminal_has_size_and_job_control(nodes):
    session = nodes[0].agent().session(["sh"], pty=(33, 99), env=["TERM=dumb", "PS1=> "])
    seen = b""

    def wait_for(text):
        nonlocal seen
        while text not in seen:
            seen += session.next()[1]
        seen = seen.partition(text)[2]
    wait_for(b"> ")
    session.write(b"stty size\n")
    wait_for(b"33 99")
    session.resize(44, 55)
    session.write(b"stty size\n")
    wait_for(b"44 55")
    session.write(b"sleep 1000\n")
    nodes[0].wait_until_succeeds(process("sleep 1000"), timeout=10)
    session.write(b"\x03")
    session.write(b"echo still; exit 6\n")
    wait_for(b"still\r\n")
    *_, (kind, payload) = session.events()
    assert kind == 14 and payload[4] == 6


def test_wait_until_succeeds_says_what_it_saw(nodes):
    nodes[0].succeed("rm -f /tmp/late; (sleep 2; echo here > /tmp/late) >/dev/null 2>&1 &")
    assert nodes[0].wait_until_succeeds("cat /tmp/late", timeout=20) == "here\n"
    with pytest.raises(WaitTimeout, match="status 1: .*nothing yet"):
        nodes[0].wait_until_succeeds("echo nothing yet; false", timeout=1)


# -- files ----------------------------------------------------------------


def test_files_come_back_as_they_went(nodes, tmp_path):
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(8 * MIB))
    source.chmod(0o751)
    nodes[0].copy_to(source, "/tmp/copy")
    assert nodes[0].succeed("stat -c '%a %s' /tmp/copy") == f"751 {8 * MIB}\n"
    nodes[0].copy_from("/tmp/copy", back)
    assert back.read_bytes() == source.read_bytes()
    nodes[0].copy_to(b"", "/tmp/empty")
    assert nodes[0].read_file("/tmp/empty") == b""
    nodes[0].copy_to(source, "/tmp")
    nodes[0].succeed("cmp /tmp/source /tmp/copy && rm /tmp/source /tmp/copy")


def test_folders_are_copied(nodes, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run").write_text("#!/bin/sh\necho ran\n")
    (tmp_path / "a" / "run").chmod(0o755)
    nodes[0].copy_to(tmp_path, "/tmp/tree/of")
    assert nodes[0].succeed("/tmp/tree/of/a/run") == "ran\n"


def test_copies_that_cannot_be_say_why(nodes, tmp_path):
    with pytest.raises(CommandFailed, match="/no/such/place.*No such file"):
        nodes[0].copy_to(b"x", "/no/such/place")
    with pytest.raises(CommandFailed, match="/no/such/file.*No such file"):
        nodes[0].copy_from("/no/such/file", tmp_path / "x")
    with pytest.raises(CommandFailed, match="Is a directory"):
        nodes[0].read_file("/tmp")
    with pytest.raises(ClusterError, match="does not exist here"):
        nodes[0].copy_to(tmp_path / "missing", "/tmp/x")
    nodes[0].succeed("mkdir -p /tmp/small && mount -t tmpfs -o size=64k small /tmp/small")
    with pytest.raises(CommandFailed, match="No space left"):
        nodes[0].copy_to(bytes(MIB), "/tmp/small/x")
    nodes[0].succeed("umount /tmp/small")
    assert list(tmp_path.iterdir()) == []


# -- network --------------------------------------------------------------


def test_cut_is_one_way_or_both(cluster, nodes):
    one, two, three = nodes
    assert hears(one, two)
    for node, other in ((one, two), (two, one)):  # so that ARP needs no answer
        node.succeed(f"arp -s {other.address()} {other.spec.ports()[0][1].mac}")
    cluster.cut(one, two, one_way=True)
    assert not hears(one, two)
    assert hears(one, three) and hears(two, three)
    # What two says still reaches one: the answers are what is lost.
    before = cluster.stats()["node2.0"]["cut"]
    received = int(one.succeed("cat /sys/class/net/eth0/statistics/rx_packets"))
    two.fail(f"ping -c 3 -W 1 {one.address()}", timeout=30)
    assert cluster.stats()["node2.0"]["cut"] >= before + 3
    assert int(one.succeed("cat /sys/class/net/eth0/statistics/rx_packets")) >= received + 3
    cluster.heal()
    assert hears(one, two)
    for node, other in ((one, two), (two, one)):
        node.succeed(f"arp -d {other.address()}")


def test_partition_and_heal(cluster, nodes):
    one, two, three = nodes
    cluster.partition([one, two], [three])
    assert hears(one, two)
    assert not hears(one, three) and not hears(three, two)
    cluster.heal()
    assert hears(one, three) and hears(three, two)
    cluster.partition([one], [two, three], one_way=True)
    assert not hears(two, one) and hears(two, three)


def test_loss_and_delay_of_the_hub(cluster, nodes):
    one, two, _ = nodes
    plain = round_trip_ms(one, two)
    cluster.fault(one, two, delay=80)
    cluster.fault(two, one, delay=40)
    assert 118 <= round_trip_ms(one, two) < 120 + plain + 200
    cluster.clear_faults()
    cluster.fault(one, two, loss=1)
    assert not hears(one, two)
    cluster.clear_faults()
    cluster.fault(one, two, dup=1)
    assert "DUP" in one.succeed(f"ping -c 2 -W 2 {two.address()}")


def test_netem_in_the_node(nodes):
    one, two, _ = nodes
    one.netem(delay=100)
    assert round_trip_ms(one, two) >= 100
    one.netem(loss=1)
    assert not hears(one, two)
    one.netem()
    assert hears(one, two)


def test_link_down_is_seen_by_the_node(nodes):
    one, two, _ = nodes
    assert hears(one, two)
    two.link_down()
    two.wait_until_succeeds("grep -qx 0 /sys/class/net/eth0/carrier", timeout=10)
    two.link_up()
    two.wait_until_succeeds("grep -qx 1 /sys/class/net/eth0/carrier", timeout=10)
    retry(lambda: hears(one, two), 30, "the way back")


def test_record_has_the_frames(cluster, nodes, tmp_path):
    one, two, _ = nodes
    cluster.record(tmp_path / "lan.pcap")
    one.succeed(f"ping -c 2 -p 5a -s 300 {two.address()}")
    cluster.record(None)
    data = (tmp_path / "lan.pcap").read_bytes()
    assert data[:4] == bytes.fromhex("4d3cb2a1")
    assert data.count(b"\x5a" * 256) == 4  # two questions, two answers


# -- screen, console, power ---------------------------------------------------


def test_screenshot_shows_something(nodes, tmp_path):
    nodes[0].screenshot(tmp_path / "screen.png")
    width, height, rows = png_size_and_data(tmp_path / "screen.png")
    assert width >= 640 and height >= 400
    assert len(rows) == height * (1 + 3 * width)
    lit = len(rows) - rows.count(0)
    assert lit > 1000, "the screen is black"


def test_console_is_watched(nodes):
    node = nodes[0]
    mark = node.console.position()
    node.succeed("echo hello from test > /dev/kmsg")
    node.wait_for_console_text("hello from test", timeout=10, since=mark)
    with pytest.raises(WaitTimeout, match="never said"):
        node.wait_for_console_text("never said", timeout=1)


def test_kernel_reports_are_found(cluster, nodes):
    """The one complaint that needs no broken kernel: a crash that sysrq makes."""
    node = nodes[2]
    marks = cluster.marks()
    node.expect_reset()
    resets = node.resets
    node.execute("echo 1 > /proc/sys/kernel/sysrq")
    session = node.agent().session(["sh", "-c", "echo c > /proc/sysrq-trigger"])
    with pytest.raises(AgentLost):
        for _ in session.events():
            pass
    node.wait_reset(resets + 1)
    node.wait_ready()
    complaints = cluster.complaints(marks)
    assert any("node3: kernel report (panic)" in text for text in complaints)
    node.expect_report("sysrq|SysRq|Kernel panic - not syncing")
    assert cluster.complaints(marks) == []


def test_reset_unasked_is_a_complaint(cluster, nodes):
    node = nodes[2]
    resets = node.resets
    node.qmp("system_reset")
    node.wait_reset(resets + 1)
    node.wait_ready()
    assert [text for text in cluster.complaints(cluster.marks()) if "node3 reset itself" in text]


def test_reboot_forgets_memory(nodes):
    node = nodes[2]
    node.succeed("touch /tmp/mark")
    node.reboot()
    node.fail("test -e /tmp/mark")


def test_power_cut_is_noticed_and_survived(nodes):
    one, _, three = nodes
    assert hears(one, three)
    address = three.address()
    blocked = []

    def wait_forever():
        try:
            three.execute("sleep 1000", timeout=900)
        except AgentLost as error:
            blocked.append(error)
    waiter = threading.Thread(target=wait_forever)
    waiter.start()
    three.wait_until_succeeds(process("sleep 1000"), timeout=10)
    three.kill()
    waiter.join(10)
    assert blocked, "a command on a dead node went on waiting"
    assert three.state == "off"
    with pytest.raises(AgentLost, match="not running"):
        three.execute("true")
    one.fail(f"ping -c 1 -W 1 {address}")
    three.start()
    three.wait_ready()
    retry(lambda: hears(one, three), 60, "the node on the network again")


def test_shutdown_is_clean(nodes):
    nodes[2].shutdown()
    assert nodes[2].state == "off"
    nodes[2].start()
    nodes[2].wait_ready()


def test_the_agent_outlives_its_host(nodes):
    node = nodes[0]
    node.agent().session(["sleep", "7777"])
    node.wait_until_succeeds(process("sleep 7777"), timeout=10)
    for _ in range(5):  # each time in the middle of something
        node.agent().session(["sh", "-c", "yes"])
        node.agent().close()
        retry(lambda: not node._agent.alive, 10, "the end of the connection")
        assert node.succeed("echo again") == "again\n"
    node.wait_until_fails(process("sleep 7777"), timeout=10)
    assert node.succeed("ps | grep -c '[/]usr/bin/tessera-agent'").strip() == "1"


def test_a_killed_agent_is_replaced(nodes):
    node = nodes[0]
    with pytest.raises(AgentLost):
        node.execute("kill -9 $PPID; sleep 10")
    retry(lambda: node.ready, 20, "a new agent")
    assert retry(lambda: again(node), 20, "an answer of the new agent") == "again\n"


def again(node):
    try:
        return node.succeed("echo again")
    except AgentLost:
        return ""
