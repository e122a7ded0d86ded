#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The instructions that a check takes, user and kernel, on a machine that has no counters for them: `make bench BENCH=counted`.

run.py runs inside of an emulated machine (qemu's TCG) whose clock goes on by one nanosecond with each instruction that its only
processor executes. CPU time there is instructions: the scheduler charges them to each process, whatever this machine does besides, and
a second run finds the same within a few in a thousand. Its kernel is Debian's, its files are this machine's, read only; its own are in
memory. What it does not have is memory that is far away: the figures are instructions, not time.

A `rep movs` is an instruction for each step there, and one in all to a real counter: the processor is told to have no fast ones, so that
C library and kernel copy in loops. Its kernel is told to have no mitigations, since today's processors need few that add instructions.
"""
import glob
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MACHINE = os.path.join(ROOT, "build/peers-counted/root")
CASES = ["icmp", "tcp", "http", "https_p256", "https_rsa", "https_le"]
LIMIT_S = 3600
BEGIN, END = "counted: begins", "counted: ends with "
DIRECTORY, PROGRAM, FILE, DEVICE = 0o40755, 0o100755, 0o100644, 0o20600
# In the order in which they need each other
MODULES = ["drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci_modern_dev",
           "drivers/virtio/virtio_pci", "net/9p/9pnet", "net/9p/9pnet_virtio", "fs/netfs/netfs", "fs/fscache/fscache", "fs/9p/9p"]

# A tree below /tmp would be hidden by the machine's own /tmp: it is kept, and shown again.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
run() {{
    for m in {modules}; do insmod /$m.ko || return; done
    mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,msize=512000,ro root /root && mount --bind /root{root} /tree || return
    mount -t proc proc /root/proc && mount -t sysfs sys /root/sys && mount -t devtmpfs dev /root/dev && mount -t tmpfs tmp /root/tmp || return
    [ -d /root{root} ] || {{ mkdir -p /root{root} && mount --bind /tree /root{root}; }} || return
    echo '0 2147483647' >/root/proc/sys/net/ipv4/ping_group_range # as systemd has it on Debian
    ifconfig lo up
    echo {begin}
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin BENCH=counted BUILD={build} chroot /root /usr/bin/python3 {root}/tests/bench/run.py {cases}
}}
run
echo {end}$?
poweroff -f
"""


def cpio(files):
    """An archive (cpio -H newc) of (name, mode, content, (major, minor))."""
    out = b""
    for number, (name, mode, content, device) in enumerate([*files, ("TRAILER!!!", 0, b"", (0, 0))]):
        words = [number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0]
        for part in (b"070701" + b"".join(b"%08x" % w for w in words) + name.encode() + b"\0", content):
            out += part + b"\0" * (-len(part) % 4)
    return out


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def initramfs(cases):
    files = [(name, DIRECTORY, b"", (0, 0)) for name in ("bin", "dev", "root", "tree")]
    files += [("dev/console", DEVICE, b"", (5, 1)), ("bin/busybox", PROGRAM, contents(f"{MACHINE}/bin/busybox"), (0, 0))]
    for module in MODULES:
        path, = glob.glob(f"{MACHINE}/lib/modules/*/kernel/{module}.ko")
        files.append((os.path.basename(path), FILE, contents(path), (0, 0)))
    init = INIT.format(modules=" ".join(map(os.path.basename, MODULES)), root=shlex.quote(ROOT), build=shlex.quote(os.environ.get("BUILD", "build")),
                       cases=shlex.join(cases), begin=BEGIN, end=END)
    return cpio([*files, ("init", PROGRAM, init.encode(), (0, 0))])


def boot(folder):
    kernel, = glob.glob(f"{MACHINE}/boot/vmlinuz-*")
    return subprocess.Popen([
        "qemu-system-x86_64", "-accel", "tcg,thread=single", "-icount", "shift=0,align=off,sleep=on",  # 2⁰ ns each; waits are as long as here
        "-cpu", "max,-erms", "-smp", "1", "-m", "1G", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-net", "none",
        "-serial", "stdio", "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
        "-kernel", kernel, "-initrd", os.path.join(folder, "initramfs"),
        "-append", "console=ttyS0 quiet panic=-1 mitigations=off clearcpuid=rep_good nokaslr norandmaps"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)


def follow(machine):
    """Prints what run.py says; its exit status, or None and what the machine said instead."""
    told, said = False, ""
    for line in machine.stdout:
        line = line.decode(errors="replace").rstrip("\r\n")
        said += line + "\n"
        if line.startswith(END):
            return int(line[len(END):]) if told else None, said
        if told:
            print(line, flush=True)
        told = told or line == BEGIN
    return None, said


def main():
    cases = sys.argv[1:] or CASES
    for name in cases:
        if name not in CASES:
            sys.exit(f"bench: '{name}' is no case that can be counted; accepted: {', '.join(CASES)}")
    if os.uname().machine != "x86_64":
        sys.exit(f"bench: instructions are counted on x86_64 only; this is {os.uname().machine}")
    version = subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0]
    print(f"{version}: a machine of one processor, an instruction a nanosecond", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the machine is stopped
    folder = tempfile.mkdtemp(prefix="qcount", dir="/tmp")
    machine = None
    try:
        with open(os.path.join(folder, "initramfs"), "wb") as f:
            f.write(initramfs(cases))
        machine = boot(folder)
        watchdog = threading.Timer(LIMIT_S, machine.kill)
        watchdog.start()
        status, said = follow(machine)
        watchdog.cancel()
        if status is None:
            sys.exit(f"bench: the emulated machine ended before its time; it said:\n{said}")
        sys.exit(status)
    finally:
        if machine:
            machine.kill()
            machine.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
