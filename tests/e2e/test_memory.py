# SPDX-License-Identifier: MIT
"""What a probe takes of the machine whose guest it is."""
import os
import signal
import subprocess
import sys

from lab import BUILD, Skip, check, free_port, read, wait_for, write
from peers import certificates

LIMIT_KIB = 64 * 1024  # MemoryMax of its unit
MONITORS = 1000

# Accepts every TLS connection and never answers; says how many are open.
SILENT = """
import asyncio, resource, ssl, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
n = 0
async def client(reader, writer):
    global n
    n += 1
    print(n, flush=True)
    try:
        await reader.read()
        await asyncio.sleep(60)
    except OSError:
        pass
    n -= 1
    writer.close()
async def main():
    server = await asyncio.start_server(client, "127.0.0.1", int(sys.argv[3]), ssl=context, backlog=1024)
    await server.serve_forever()
asyncio.run(main())
"""


def memory(pid):
    """KiB: what cannot be dropped (anonymous) now, and all that was resident at its highest, shared libraries included."""
    found = {line.split(":")[0]: int(line.split()[1]) for line in read(f"/proc/{pid}/status").splitlines() if line.endswith(" kB")}
    return found["RssAnon"], found["VmHWM"]


def leave(group):
    """Whatever is still in the control group is killed, then it goes."""
    def empty():
        pids = read(os.path.join(group, "cgroup.procs")).split()
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)
        return not pids
    wait_for(empty, "the end of what was limited", asserts=False)
    os.rmdir(group)


def limited(lab, mebibytes):
    """The prefix that puts a program under a memory limit as MemoryMax= does; empty where this machine has none to give."""
    for root, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = f"{root}/quorate-test-{os.getpid()}-{os.path.basename(lab.dir)}"
        try:
            os.mkdir(group)
        except OSError:
            continue
        lab.closers.append(lambda: leave(group))
        try:
            write(os.path.join(group, name), str(mebibytes << 20))
        except OSError:
            continue
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', os.path.join(group, "cgroup.procs")]
    return []


def test_probe_memory(lab):
    """A probe with 1,000 monitors, as many checks as it may have hanging in TLS and nobody to report to, lives in its unit's 64 MB."""
    if b"asan" in subprocess.run(["ldd", os.path.join(BUILD, "quorate-probe")], capture_output=True).stdout:
        raise Skip("a program with sanitizers needs more memory than it would")
    c = lab.coordinator().start()
    lab.regions(c, ["tokyo"])
    _, cert, key = certificates(lab)
    port = free_port()
    with open(lab.file("silent"), "w") as out:
        server = subprocess.Popen([sys.executable, "-c", SILENT, cert, key, str(port)], stdout=out, stderr=subprocess.STDOUT)
    lab.closers.append(lambda: (server.kill(), server.wait()))
    for i in range(MONITORS):
        target = {"type": "http", "target": f"https://127.0.0.1:{port}/{i}", "request": {"verify": False}} if i % 2 else \
            {"type": "tcp", "target": f"127.0.0.1:{port + 1}"}
        c.api.must("POST", "/api/v1/monitors", {"name": f"m{i}", "interval": "10s", "timeout": "9s", "quorum": {"seats": 1}, **target})
    prefix = limited(lab, 64)
    p = lab.probe(c, "tokyo-1", "tokyo", prefix=prefix).start()
    wait_for(lambda: max((int(n) for n in read(lab.file("silent")).split()), default=0) >= 295, "300 checks in TLS", 60)
    c.freeze()  # results pile up: 4,000 of them in memory, the others on the disk

    folder = os.path.join(p.dir, "spool")

    def piled_up():
        check(p.alive(), f"the probe ended with {p.process.returncode}")
        return sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)) > 4 << 20  # of 800 bytes each
    wait_for(piled_up, "more than 5,000 results to pile up", 240)
    anonymous, highest = memory(p.pid)
    print(f"    {anonymous} KiB of its own, {highest} KiB resident at most{', under the limit' if prefix else ''}")
    check(highest <= LIMIT_KIB, f"{highest} KiB")
    c.thaw()


test_probe_memory.seconds = 150
test_probe_memory.long = 400
