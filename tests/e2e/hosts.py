# SPDX-License-Identifier: MIT
"""Bare Debian 12 hosts with a real systemd as PID 1 and sshd, each at the end of a wire of its own (peers.Network).

A host is the tree of tests/hosttree.sh below an overlay, booted by systemd-nspawn: fresh at each start, gone with the test.
"""
import os
import re
import signal
import subprocess

from lab import ROOT, Child, Failure, Skip, check, read, wait_for, write
from peers import run

HOSTS = os.path.join(ROOT, "build/hosts")
TREE = os.path.join(HOSTS, "tree")


def unified():
    """The mount point of the unified cgroup hierarchy."""
    for line in read("/proc/mounts").splitlines():
        if line.split()[2] == "cgroup2":
            return line.split()[1]
    raise Skip("needs a cgroup2 hierarchy, for systemd in a container")


def ssh_keys(lab):
    """A key to log in with and a key that all hosts show: (private key, known_hosts)."""
    user, host = lab.file("ssh-user"), lab.file("ssh-host")
    for path in (user, host):
        if not os.path.exists(path):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    return user, write(lab.file("known_hosts"), "* " + read(host + ".pub"))


class Host:
    """NAME at ADDRESS; site is its end of the wire."""

    def __init__(self, lab, network, name):
        if os.geteuid() or not os.path.exists(os.path.join(HOSTS, ".done")):
            raise Skip("needs root and the tree of tests/hosttree.sh: make e2e-ansible")
        self.lab, self.name = lab, name
        self.site = network.site(name)
        self.address = f"10.77.{network.n}.2"
        self.root = lab.file("hosts", name, "root")
        upper, work = lab.file("hosts", name, "upper"), lab.file("hosts", name, "work")
        for folder in (self.root, upper, work):
            os.makedirs(folder)
        run("mount", "-t", "overlay", name, "-o", f"lowerdir={TREE},upperdir={upper},workdir={work}", self.root)
        lab.closers.append(self.clean)
        self.furnish()
        self.cgroup = os.path.join(unified(), os.path.basename(lab.dir) + "-" + name)
        os.makedirs(self.cgroup)
        self.site.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        self.child = Child(lab, "host-" + name, [
            "systemd-nspawn", "-q", "-D", self.root, "-M", re.sub("[^a-z0-9-]", "-", os.path.basename(lab.dir)) + "-" + name, f"--hostname={name}", "--boot",
            "--register=no", "--keep-unit", f"--network-namespace-path=/proc/{self.site.holder.pid}/ns/net", "--resolv-conf=off",
            "--link-journal=no", "--console=pipe", "--capability=CAP_BPF,CAP_PERFMON", "--system-call-filter=bpf",
        ], env={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            prefix=["sh", "-c", f'echo $$ >{self.cgroup}/cgroup.procs; exec "$@"', "sh"])
        self.child.ends = (0, 1, 133, -signal.SIGTERM, -signal.SIGKILL)

    def furnish(self):
        user, _ = ssh_keys(self.lab)
        key = write(self.root + "/home/admin/.ssh/authorized_keys", read(user + ".pub"), 0o600)
        os.chown(key, 1000, 1000)
        for end in ("", ".pub"):
            write(f"{self.root}/etc/ssh/ssh_host_ed25519_key{end}", read(self.lab.file("ssh-host" + end)), 0o600)
        write(self.root + "/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost\n")

    def start(self):
        self.child.start()
        return self

    def leader(self):
        try:
            return int(read(self.cgroup + "/payload/init.scope/cgroup.procs").split()[0])
        except (OSError, IndexError):
            return None

    def sh(self, command, ok=True):
        """Runs a shell command inside as root, without ssh: what it printed."""
        leader = self.leader()
        if not leader:
            raise Failure(f"{self.name} does not run: {self.child.text()[-2000:]}")
        done = subprocess.run(["nsenter", "-t", str(leader), "-a", "--", "sh", "-c", command], capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)
        check(not ok or done.returncode == 0, f"{self.name}: {command}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def booted(self):
        return bool(self.leader()) and self.sh("systemctl is-system-running", ok=False) in ("running", "degraded")

    def wait_booted(self):
        wait_for(lambda: self.booted() or not self.child.alive(), f"{self.name} to boot", 60, asserts=False)
        if not self.child.alive():
            raise Failure(f"{self.name} ended while it booted: {self.child.text()[-2000:]}")
        return self

    def pid(self, unit):
        """The unit's main process as systemd names it, 0 when it does not run."""
        return int(self.sh(f"systemctl show -p MainPID --value {unit}"))

    def accounts(self):
        """Users, groups and packages with their versions."""
        return set(self.sh("cat /etc/passwd /etc/group; dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'").splitlines())

    def files(self):
        """Every path of the host but what changes by itself, and what Ansible and sudo themselves leave in a user's home: what a
        removal has to bring back."""
        moving = r"/(home/admin/[.](ansible|sudo_as_admin_successful)|proc|sys|dev|run|tmp|var/log|var/tmp|var/cache|var/lib/(systemd|apt|dpkg/(info|status|lock|triggers|available)))"
        return {p for p in self.sh("find / -xdev").splitlines() if not re.match(moving, p)}

    def clean(self):
        leader = self.leader()
        if leader and self.child.alive():
            write(self.lab.file("log", f"journal-{self.name}.log"), self.sh("journalctl --no-pager -o short-iso-precise", ok=False))
            os.kill(leader, signal.SIGRTMIN + 4)  # poweroff.target, in order
            try:
                self.child.process.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
        subprocess.run(["umount", "-l", self.root], capture_output=True)
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
