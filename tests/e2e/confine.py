#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a program under what its systemd unit forbids to the kernel's door: confine.py UNIT PROGRAM [ARGUMENT ...]

SystemCallFilter=, RestrictAddressFamilies=, MemoryDenyWriteExecute=, NoNewPrivileges= and the limits are put in force as systemd
does it, by seccomp and setrlimit, without a systemd that runs. A call that the unit denies kills the program (SIGSYS), whatever
SystemCallErrorNumber= says: so no denied call goes unnoticed in a test.
"""
import ctypes
import functools
import os
import resource
import socket
import subprocess
import sys

KILL, ALLOW, REFUSE = 0x80000000, 0x7FFF0000, 0x00050001  # the last: EPERM
NE, EQ, MASKED_EQ = 1, 4, 7
PROT_WRITE, PROT_EXEC = 2, 4


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp"""
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def settings(unit):
    """The unit's [Service]: key -> values in order."""
    found, section = {}, None
    with open(unit) as f:
        for line in f:
            line = line.strip()
            if line.startswith("["):
                section = line
            elif "=" in line and not line.startswith("#") and section == "[Service]":
                key, value = line.split("=", 1)
                found.setdefault(key, []).append(value)
    return found


@functools.cache
def sets():
    """@name -> its system calls and sets, as systemd knows them."""
    out = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True).stdout
    found, current = {}, None
    for line in out.splitlines():
        word = line.strip()
        if word.startswith("@") and not line.startswith(" "):
            current = found.setdefault(word, [])
        elif word and not word.startswith("#") and current is not None and line.startswith(" "):
            current.append(word)
    return found


def expand(words):
    calls = set()
    for word in words:
        calls |= expand(sets()[word]) if word.startswith("@") else {word}
    return calls


def allowed_calls(unit):
    """What the lines of SystemCallFilter= come to: the first one says that they allow."""
    calls = expand(["@default"])
    for line in unit["SystemCallFilter"]:
        words = line.lstrip("~").split()
        calls = calls - expand(words) if line.startswith("~") else calls | expand(words)
    return calls


class Filter:
    def __init__(self):
        self.lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self.lib.seccomp_init.restype = self.context = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.seccomp_init(KILL))

    def rule(self, action, call, *compare):
        number = self.lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:  # not one of this machine's
            return
        array = (Compare * len(compare))(*compare)
        error = self.lib.seccomp_rule_add_array(self.context, action, number, len(compare), array)
        if error:
            sys.exit(f"confine.py: {call}: {os.strerror(-error)}")

    def allow(self, call, *compare):
        self.rule(ALLOW, call, *compare)

    def load(self):
        error = self.lib.seccomp_load(self.context)
        if error:
            sys.exit(f"confine.py: seccomp: {os.strerror(-error)}")


def build(unit):
    rules, special = Filter(), set()
    if "RestrictAddressFamilies" in unit:
        special.add("socket")
        for family in unit["RestrictAddressFamilies"][-1].split():
            rules.allow("socket", Compare(0, EQ, getattr(socket, family)))
    if unit.get("MemoryDenyWriteExecute") == ["yes"]:
        special |= {"mmap", "mprotect", "pkey_mprotect"}
        for prot in (0, PROT_WRITE, PROT_EXEC):
            rules.allow("mmap", Compare(2, MASKED_EQ, PROT_WRITE | PROT_EXEC, prot))
        rules.allow("mprotect", Compare(2, MASKED_EQ, PROT_EXEC, 0))
    if os.geteuid() == 0:  # what SQLite tries for root only, which the unit's user is not
        rules.rule(REFUSE, "fchown")
    for call in allowed_calls(unit) - special:
        rules.allow(call)
    return rules


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    unit = settings(sys.argv[1])
    rules = build(unit)
    for key, name in (("LimitNOFILE", resource.RLIMIT_NOFILE), ("LimitCORE", resource.RLIMIT_CORE)):
        if key in unit:
            resource.setrlimit(name, (int(unit[key][-1]),) * 2)
    os.umask(int(unit["UMask"][-1], 8))
    libc = ctypes.CDLL(None, use_errno=True)
    if unit.get("NoNewPrivileges") == ["yes"]:
        libc.prctl(38, 1, 0, 0, 0)
    arguments = [ctypes.c_char_p(a.encode()) for a in sys.argv[2:]]
    array = (ctypes.c_char_p * (len(arguments) + 1))(*(a.value for a in arguments), None)
    rules.load()
    libc.execv(arguments[0], array)
    os._exit(127)


if __name__ == "__main__":
    main()
