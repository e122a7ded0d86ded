# SPDX-License-Identifier: MIT
"""`quorate-probe doctor`: all is well next to a running probe, and a table of faults, each with what to do about it."""
import json
import os
import socket
import subprocess
import threading
import time

from lab import BUILD, check, equal, free_port, read, wait_for, write
from peers import run
from test_join import Joined, add, door_coordinator, standing


def name_server(lab, address="127.0.0.1"):
    """A name server that has an answer to everything (an empty one), and a resolv.conf that names it, for this test alone."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    lab.closers.append(s.close)

    def answer():
        while True:
            try:
                question, asker = s.recvfrom(1500)
            except OSError:
                return
            s.sendto(question[:2] + b"\x81\x80" + question[4:6] + bytes(6) + question[12:], asker)

    threading.Thread(target=answer, daemon=True).start()
    run("mount", "--bind", write(lab.file("resolv.conf"), f"nameserver {address}\n"), "/etc/resolv.conf")


def doctor(p, *options, prefix=(), env=None, status=None):
    """Runs it for the probe P: its findings as (step, mark) -> [text and remedy], and the CompletedProcess."""
    argv = [*prefix, *p.prefix, p.argv[0], "doctor", "-c", p.path, "-o", "json", *options]
    begin = time.monotonic()
    done = subprocess.run(argv, env={**p.lab.env, **(env or {})}, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    done.seconds = time.monotonic() - begin
    check(done.seconds < 30, f"the doctor took {done.seconds:.0f} s")
    check(done.stdout.startswith("{"), f"no JSON: {done}")
    answer = json.loads(done.stdout)
    equal(answer["exit_status"], done.returncode, "the exit status in the answer")
    if status is not None:
        equal(done.returncode, status, f"exit status of {done.stdout}")
    found = {}
    for f in answer["findings"]:
        found.setdefault((f["step"], f["mark"]), []).append(f"{f['text']} -> {f['remedy']}")
    return found, done


def joined_probe(lab, c, **conf):
    p = Joined(lab, "tokyo-1", **conf)
    done = p.join(add(lab, c, p.name, "tokyo"))
    equal((done.returncode, done.stderr), (0, ""), "join")
    p.token()
    return p


def test_doctor(lab):
    """All is well, for people and as JSON; the running probe keeps its session and its vote."""
    name_server(lab)
    run("ip", "address", "add", "10.77.0.1/24", "dev", "lo")
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    p = joined_probe(lab, c)
    found, _ = doctor(p, status=0)
    check("systemctl start" in found["token", "note"][0], f"before its start: {found}")
    p.start()
    lab.wait_connected(c, p)
    m = lab.monitor(c, "web", "tcp", f"127.0.0.1:{c.port}", quorum={"seats": 1})
    lab.wait_state(c, m, "up")
    before = c.status()["link"], c.status()["door"]["ended"]
    for _ in range(3):
        found, _ = doctor(p, status=0)
        check(not any(mark in ("warn", "fail") for _, mark in found), f"findings: {found}")
        for step in ("file", "state", "joined", "token", "allow", "bounds", "files", "ping", "spool", "dns", "tcp", "tls", "clock"):
            check((step, "ok") in found, f"{step} is not ok in {found}")
        check("votes" in found["token", "ok"][1], f"as the coordinator sees it: {found}")
        check("not judged" in found["anchors", "note"][0], f"anchors: {found}")
    link, ended = c.status()["link"], c.status()["door"]["ended"]
    equal((link["sessions"], before[0]["sessions"]), (1, 1), "sessions")
    equal([ended[k] - before[1][k] for k in ("closed", "busy", "replaced", "cut")], [3, 0, 0, 0], "connections that ended")
    equal([v["fate"] for v in c.explain(m)["votes"]], ["counted"], "the vote")
    equal((p.text().count("uplink.state"), p.text().count("uplink.failed")), (2, 0), "what the probe noticed: its two streams, once")

    done = subprocess.run([p.argv[0], "doctor", "-c", p.path], env=p.lab.env, capture_output=True, text=True, timeout=40)
    equal((done.returncode, done.stderr), (0, ""), "for people")
    lines = done.stdout.splitlines()
    check(lines[0] == "configuration" and lines[-1] == "All is well.", f"its first and last line: {done.stdout}")
    check(any(line.startswith("  ok    clock      the same as the coordinator's") for line in lines), f"aligned: {done.stdout}")
    check("\x1b" not in done.stdout, "colours in a file")
    for argv in (["doctor", "all"], ["doctor", "-o", "yaml"], ["doctor", "--unknown"], ["--force", "doctor"]):
        equal(subprocess.run([p.argv[0], *argv], env=p.lab.env, capture_output=True).returncode, 3, f"exit status of {argv}")


test_doctor.seconds = 2
