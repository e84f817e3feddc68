#!/usr/bin/env python3
"""Does Keiki show what this machine does?

Loads the machine in steps (CPU, memory, disk, loopback), reads the kernel's own figures at the same moments, fetches
the panels of a running Keiki as JSON and compares: within 2 points or 5 %. Needs Linux, a Keiki on this machine and
nothing but Python. Every load is bounded in time and size; only processes started here are ended.

    python3 end2end/agree/host.py [--url http://127.0.0.1:3000] [--phase 10] [--dir DIR] [--token TOKEN]

Leaves with 0 if all figures agree, 1 if any does not, 2 if Keiki cannot be read.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

POINTS = 0.02  # Two points: of a ratio, or of the largest rate in the run.
SHARE = 0.05  # Five per cent of the value.
PHASE_OF_READING = 0.85  # Keiki reads its host so far into each second; reading then compares like with like.
MIB = 1024 * 1024


def text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def number(path):
    """A cgroup's limit, or None where there is none."""
    try:
        return int(text(path).split()[0])
    except (OSError, ValueError, IndexError):
        return None


# The kernel's figures, written independently of Keiki's reader ---------------------------------------------------


class Machine:
    """What the kernel says now. In a container with limits, those are the machine."""

    def __init__(self):
        root = "/sys/fs/cgroup"
        total = self.meminfo()["MemTotal"]
        quota, limit = number(f"{root}/cpu.max"), number(f"{root}/memory.max")
        self.root = root
        self.quota = quota / int(text(f"{root}/cpu.max").split()[1]) if quota else None
        if self.quota is not None and self.quota >= os.cpu_count():
            self.quota = None
        self.memory_limit = limit if limit and limit < total else None
        # Whole disks with hardware behind them; partitions and mapped devices have none in /sys/block.
        self.disks = [name for name in os.listdir("/sys/block") if os.path.exists(f"/sys/block/{name}/device")]

    @staticmethod
    def meminfo():
        pairs = (line.split(":") for line in text("/proc/meminfo").splitlines() if ":" in line)
        return {name: int(rest.split()[0]) * 1024 for name, rest in pairs}

    def cpu(self):
        """Seconds of CPU time used per mode, and the seconds that could have been; both only grow."""
        if self.quota is not None:
            stat = dict(line.split() for line in text(f"{self.root}/cpu.stat").splitlines())
            possible = time.monotonic() * self.quota
            return {"user": int(stat["user_usec"]) / 1e6, "system": int(stat["system_usec"]) / 1e6}, possible
        fields = [int(field) for field in text("/proc/stat").split("\n", 1)[0].split()[1:9]]
        user, nice, system, idle, iowait, irq, softirq, steal = fields
        return {"user": user + nice, "system": system + irq + softirq, "steal": steal}, sum(fields)

    def memory(self):
        if self.memory_limit is not None:
            stat = dict(line.split() for line in text(f"{self.root}/memory.stat").splitlines())
            used = int(text(f"{self.root}/memory.current")) - int(stat["inactive_file"])
            return used / self.memory_limit
        info = self.meminfo()
        return 1 - info["MemAvailable"] / info["MemTotal"]

    def disk(self):
        """Bytes read and written since boot, from each disk's own file."""
        read = written = 0
        for name in self.disks:
            fields = text(f"/sys/block/{name}/stat").split()
            read += int(fields[2]) * 512
            written += int(fields[6]) * 512
        return {"read": read, "write": written}

    @staticmethod
    def loopback():
        folder = "/sys/class/net/lo/statistics"
        return {"receive": int(text(f"{folder}/rx_bytes")), "transmit": int(text(f"{folder}/tx_bytes"))}


class Reader(threading.Thread):
    """Reads the machine once a second, at the moment at which Keiki does, until told to stop."""

    def __init__(self, machine):
        super().__init__(daemon=True)
        self.machine, self.readings, self.stopping = machine, {}, threading.Event()

    def run(self):
        while not self.stopping.is_set():
            now = time.time()
            due = int(now - PHASE_OF_READING) + 1 + PHASE_OF_READING
            if self.stopping.wait(max(0.0, due - now)):
                return
            machine, second = self.machine, int(due)
            cpu, possible = machine.cpu()
            self.readings[second] = {
                "at": time.time(),
                "cpu": cpu,
                "possible": possible,
                "memory": machine.memory(),
                "disk": machine.disk(),
                "loopback": machine.loopback(),
            }

    def mean(self, first, last, figure):
        """The mean of a figure over the readings of the seconds `first`..`last`; rates cover the same time. None where
        this script was not scheduled in time."""
        kind, part = figure
        a, b = self.readings.get(first - 1), self.readings.get(last)
        if a is None or b is None:
            return None
        if kind == "memory":
            values = [self.readings[second]["memory"] for second in range(first, last + 1) if second in self.readings]
            return sum(values) / len(values)
        if kind == "cpu":
            parts = list(b["cpu"]) if part == "busy" else [part]
            used = sum(b["cpu"][mode] - a["cpu"][mode] for mode in parts)
            return used / (b["possible"] - a["possible"])
        return (b[kind][part] - a[kind][part]) / (b["at"] - a["at"])


# Loads: each is a child that ends by itself after its time --------------------------------------------------------

BUSY = "import time; end = time.time() + {seconds}\nwhile time.time() < end: pass"
SYSTEM = "import os, time; end = time.time() + {seconds}; zero = os.open('/dev/zero', 0)\nwhile time.time() < end: os.read(zero, 1 << 20)"
ALLOCATE = "import time; held = bytearray({bytes}); held[::4096] = b'x' * len(held[::4096]); time.sleep({seconds})"
WRITE = """
import os, time
end, path, block, written = time.time() + {seconds}, {path!r}, os.urandom(1 << 20), 0
with open(path, 'wb', buffering=0) as file:
    while time.time() < end:
        if written >= 64: file.seek(0); written = 0
        next_at = time.time() + 0.1
        for _ in range({mib_per_second} // 10): file.write(block); written += 1
        os.fsync(file.fileno())
        time.sleep(max(0, next_at - time.time()))
"""
TRAFFIC = """
import socket, threading, time
end = time.time() + {seconds}
server = socket.create_server(('127.0.0.1', 0))
def drain():
    peer, _ = server.accept()
    while peer.recv(1 << 16): pass
threading.Thread(target=drain, daemon=True).start()
client, block = socket.create_connection(server.getsockname()), bytes(1 << 20)
while time.time() < end:
    next_at = time.time() + 0.1
    for _ in range({mib_per_second} // 10): client.sendall(block)
    time.sleep(max(0, next_at - time.time()))
client.close()
"""


def phases(folder, seconds):
    """Name, programs to run at once, and what to compare. Idle first, so that steps are seen in both directions."""
    cores = os.cpu_count() or 1
    available = Machine.meminfo()["MemAvailable"]
    limit = number("/sys/fs/cgroup/memory.max")
    room = min(available, limit or available)
    some = min(512 * MIB, int(room * 0.15))
    fill = lambda template, **values: template.format(seconds=seconds, **values)
    write = lambda rate: fill(WRITE, path=os.path.join(folder, "load"), mib_per_second=rate)
    cpu = [("cpu", "busy"), ("cpu", "user"), ("cpu", "system")]
    memory = [("memory", None)]
    disk, net = [("disk", "write")], [("loopback", "receive"), ("loopback", "transmit")]
    return [
        ("idle", [], cpu + memory + disk + net),
        ("one busy core", [fill(BUSY)], cpu),
        ("all cores busy", [fill(BUSY)] * cores, cpu),
        ("kernel work", [fill(SYSTEM)], cpu),
        (f"{some // MIB} MiB allocated", [fill(ALLOCATE, bytes=some)], memory),
        (f"{some // 2 // MIB} MiB allocated", [fill(ALLOCATE, bytes=some // 2)], memory),
        ("10 MiB/s written", [write(10)], disk),
        ("30 MiB/s written", [write(30)], disk),
        ("10 MiB/s on loopback", [fill(TRAFFIC, mib_per_second=10)], net),
        ("100 MiB/s on loopback", [fill(TRAFFIC, mib_per_second=100)], net),
        ("idle again", [], cpu + memory + disk + net),
    ]


def run_children(programs, seconds):
    """Runs the programs for their time and makes sure that they are gone."""
    children = [subprocess.Popen([sys.executable, "-c", program]) for program in programs]
    try:
        time.sleep(seconds)
    finally:
        for child in children:
            try:
                child.wait(timeout=3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


# What Keiki shows ------------------------------------------------------------------------------------------------

PANELS = {
    "cpu": ("resources.cpu", "cpu_mode"),
    "memory": ("resources.memory", None),
    "disk": ("resources.disk_io", "disk_io_direction"),
    "loopback": ("resources.network", "network_io_direction"),
}
BUSY_MODES = {"user", "system", "steal"}


class Keiki:
    """A running Keiki, read through the data of its panels."""

    def __init__(self, url, token):
        self.url, self.token = url.rstrip("/"), token

    def panel(self, name):
        query = {"window": "1m"} | ({"token": self.token} if self.token else {})
        address = f"{self.url}/panels/{name}.json?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            panel = json.load(answer)
        if panel["step"] != 1:
            raise ValueError(f"{name}: a step of 1 s expected, not {panel['step']}")
        return panel

    def mean(self, first, last, figure):
        """The mean of the points of the seconds `first`..`last`; lines of one figure are added up per second."""
        kind, part = figure
        name, label = PANELS[kind]
        seconds = {}
        for series in self.panel(name)["series"]:
            labels = series["labels"]
            if kind == "loopback" and labels.get("network_interface_name") != "lo":
                continue
            wanted = part is None or labels.get(label) == part or part == "busy" and labels.get(label) in BUSY_MODES
            for at, value in series["points"] if wanted else []:
                if value is not None and first <= at // 1000 <= last:
                    seconds[at // 1000] = seconds.get(at // 1000, 0.0) + value
        expected = last - first + 1
        if len(seconds) < expected:
            return None, f"{len(seconds)} of {expected} points"
        return sum(seconds.values()) / len(seconds), ""


def shown(kind, value):
    if value is None:
        return "-"
    return f"{value:.2%}" if kind in ("cpu", "memory", "space") else f"{value / MIB:.2f} MiB/s"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("--url", default="http://127.0.0.1:3000", help="where Keiki is, with its base path")
    arguments.add_argument("--phase", type=int, default=10, help="seconds per step of load, 6 to 50")
    arguments.add_argument("--dir", default=None, help="a folder on a disk, for 64 MiB")
    arguments.add_argument("--token", default=None)
    options = arguments.parse_args()
    length = min(max(options.phase, 6), 50)
    keiki, machine = Keiki(options.url, options.token), Machine()
    try:
        keiki.panel("resources.cpu")
    except (OSError, ValueError, KeyError, urllib.error.URLError) as error:
        print(f"Keiki cannot be read at {options.url}: {error}", file=sys.stderr)
        return 2

    reader = Reader(machine)
    reader.start()
    time.sleep(2)
    rows = []
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        for name, programs, figures in phases(folder, length):
            print(f"… {name}", file=sys.stderr)
            begin = time.time()
            run_children(programs, length)
            # The first two seconds hold the start of the load; the last second its end.
            first, last = int(begin) + 3, int(begin) + length - 2
            # The last second is published 200 ms after its end; a second more covers what is cached.
            time.sleep(max(0.0, last + 2.5 - time.time()))
            for figure in figures:
                theirs, why = keiki.mean(first, last, figure)
                rows.append((name, figure, reader.mean(first, last, figure), theirs, why))
    reader.stopping.set()
    reader.join(timeout=3)

    usage = shutil.disk_usage("/")
    space = [s for s in keiki.panel("resources.disk_space")["series"] if s["labels"].get("mountpoint") == "/"]
    points = [value for _, value in space[0]["points"] if value is not None] if space else []
    rows.append(("space on /", ("space", None), usage.used / (usage.used + usage.free), points[-1] if points else None, ""))
    return report(rows)


def report(rows):
    """Prints the figures side by side and says whether all agree."""
    largest = {}
    for _, (kind, _), ours, _, _ in rows:
        largest[kind] = max(largest.get(kind, 0.0), ours or 0.0)
    wrong = 0
    print(f"{'load':<24} {'figure':<20} {'kernel':>14} {'Keiki':>14} {'difference':>11}")
    for name, (kind, part), ours, theirs, why in rows:
        # Without any traffic in the whole run there is no largest rate; then anything but nothing disagrees.
        whole = 1.0 if kind in ("cpu", "memory", "space") else largest[kind] or 1.0
        agrees, difference = False, "-"
        if ours is not None and theirs is not None:
            agrees = abs(ours - theirs) <= max(POINTS * whole, SHARE * abs(ours))
            difference = f"{(theirs - ours) / whole:+.2%}"
        wrong += not agrees
        figure = kind if part is None else f"{kind} {part}"
        why = why if ours is not None else "not measured in time"
        verdict = "" if agrees else f"  DISAGREES {why}".rstrip()
        print(f"{name:<24} {figure:<20} {shown(kind, ours):>14} {shown(kind, theirs):>14} {difference:>11}{verdict}")
    print(f"{len(rows) - wrong} of {len(rows)} figures agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
