# SPDX-License-Identifier: MIT
"""A router with a kernel of its own (User-Mode Linux), for tc-netem where this machine's kernel has none. Its root is this machine's,
read only; it has one wire, over which it sends back, late or never, what the sites' wires are told to send there."""
import glob
import os
import subprocess

from lab import Child, Skip, wait_for, write
from peers import run

WIRE, NEAR, FAR = "uml0", "10.78.0.1", "10.78.0.2"

INIT = """#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sys /sys || exit
insmod {module} || exit
echo 1 >/proc/sys/net/ipv4/ip_forward
for i in all default vec0; do echo 0 >/proc/sys/net/ipv4/conf/$i/send_redirects; done
ip link set lo up
ip address add {far}/30 dev vec0 && ip link set vec0 up && ip route add default via {near} || exit
tc qdisc add dev vec0 root netem limit 10000 {netem} || exit
echo the road is open
while :; do sleep 3600; done
"""

# Debian 12's UML gives ptrace 2,696 bytes for a thread's registers; a processor with AMX has more, and the kernel takes all or nothing.
SHIM = """
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/ptrace.h>
#include <unistd.h>

static long registers(long request, long pid, struct iovec *part)
{
	static _Alignas(64) char bytes[65536];
	struct iovec all = {bytes, sizeof bytes};
	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, NT_X86_XSTATE, &all) == -1)
		return -1;
	if (part->iov_len > all.iov_len)
		part->iov_len = all.iov_len;
	if (request == PTRACE_GETREGSET) {
		memcpy(part->iov_base, bytes, part->iov_len);
		return 0;
	}
	memcpy(bytes, part->iov_base, part->iov_len);
	return syscall(SYS_ptrace, request, pid, NT_X86_XSTATE, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list args;
	va_start(args, request);
	long pid = va_arg(args, long), where = va_arg(args, long), data = va_arg(args, long), word;
	va_end(args);
	if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) && where == NT_X86_XSTATE)
		return registers(request, pid, (struct iovec *)data);
	if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER)
		return syscall(SYS_ptrace, request, pid, where, data);
	if (syscall(SYS_ptrace, request, pid, where, &word) == -1)
		return -1;
	errno = 0;
	return word;
}
"""


class Router(Child):
    """Between CENTER and SITES (of a Network); NETEM is what tc calls it, for either direction: "delay 150ms loss 10%"."""

    def __init__(self, lab, center, sites, netem):
        modules = glob.glob("/usr/lib/uml/modules/*/kernel/net/sched/sch_netem.ko")
        if not modules or not os.path.exists("/dev/net/tun"):
            raise Skip("needs user-mode-linux and /dev/net/tun")
        init = write(lab.file("init"), INIT.format(module=modules[0], near=NEAR, far=FAR, netem=netem), 0o755)
        shim = lab.file("shim.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, write(lab.file("shim.c"), SHIM)], check=True)
        self.netem = netem
        super().__init__(lab, "router", [
            "linux.uml", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "mem=96M", "init=" + init, "uml_dir=" + lab.dir, "umid=uml",
            "con=null", "con0=null,fd:1", f"vec0:transport=tap,ifname={WIRE},mac=02:00:00:00:00:01", "quiet"], env={"LD_PRELOAD": shim})
        run("ip", "tuntap", "add", WIRE, "mode", "tap")
        run("ip", "address", "add", NEAR + "/30", "dev", WIRE)
        run("ip", "link", "set", WIRE, "up")
        for name, value in (("ip_forward", 1), ("conf/all/rp_filter", 0), (f"conf/{WIRE}/rp_filter", 0), ("conf/all/accept_redirects", 0)):
            write("/proc/sys/net/ipv4/" + name, f"{value}\n")
        run("ip", "route", "add", "default", "via", FAR, "table", "100")
        run("ip", "rule", "add", "iif", center.wire, "lookup", "100")
        for site in sites:
            run("ip", "rule", "add", "iif", site.wire, "to", center.address, "lookup", "100")
        self.start()
        wait_for(lambda: "the road is open" in self.text() or not self.alive(), "the router's kernel", 30, asserts=False)
        if not self.alive():
            raise Skip(f"User-Mode Linux does not run here: {self.text()[-300:]}")

    def __str__(self):
        return "netem " + self.netem

    def stop(self, timeout=5.0):
        """Nothing in it is worth an orderly end."""
        if self.process is not None:
            self.kill()
        return 0
