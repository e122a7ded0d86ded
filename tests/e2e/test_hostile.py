# SPDX-License-Identifier: MIT
"""Targets that mean harm, each by itself and among the checks of others: the right reason, in time, and nobody else is disturbed."""
import datetime
import json
import os
import random
import re
import subprocess
import sys

import hostile
import hostile_names
from lab import BUILD, ROOT, check, equal, free_port, read, write
from peers import Network, Nginx, in_namespace, run, server

PROGRAM = os.path.join(BUILD, "quorate-probe")
LATE_MS = 250       # past a case's deadline
GROWTH_KIB = 2048   # of memory, by one case
ERROR_US = 5000     # of others' start and duration, in 99 of 100
PER_SECOND = 250    # checks started, one after the other
FIRST = ["chrt", "--fifo", "1"]
NAMESPACES = os.environ.get("QUORATE_LAB_NAMESPACES") == "1"


NEIGHBOUR = hostile.Case("neighbour", "ok")


class Hostile:
    """The hostile servers, the table of what they do, and one process after another that checks them."""

    def __init__(self, lab):
        self.lab, folder = lab, lab.file("hostile")
        os.makedirs(folder)
        if NAMESPACES:
            self.ping_and_name()
        with open(lab.file("log", "hostile.log"), "w") as log:
            self.servers = subprocess.Popen([sys.executable, os.path.join(ROOT, "tests/e2e/hostile.py"), folder], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        lab.closers.append(self.stop)
        self.ports = json.loads(self.servers.stdout.readline())
        self.cases = {c.name: c for c in hostile.cases(NAMESPACES)}
        self.env = {**lab.env, "SSL_CERT_FILE": os.path.join(folder, "ca.pem"), "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
        self.runs = 0
        self.bare = is_bare()
        # figures are ours alone when nothing else on this machine comes before those who are measured
        self.first = FIRST if self.bare and subprocess.run([*FIRST, "true"], capture_output=True).returncode == 0 else []

    def ping_and_name(self):
        self.pinged = Network(self.lab).site("pinged")
        hostile_names.serve_pings(self.pinged, in_namespace, self.lab)
        run("mount", "--bind", write(self.lab.file("resolv.conf"), f"nameserver {hostile_names.HERE}\n"), "/etc/resolv.conf")
        self.lab.closers.append(lambda: run("umount", "/etc/resolv.conf"))

    def stop(self):
        self.servers.stdin.close()
        self.servers.wait(5)

    def monitors(self, *names):
        return [c.monitor(self.ports) for c in self.cases.values() if not names or c.name in names]

    def check(self, monitors, concurrency, *words, **conf):
        """The process and its results, one by one as they come."""
        self.runs += 1
        name = self.lab.file(f"run{self.runs}")
        conf = write(name + ".probe.yml", json.dumps({"state_dir": self.lab.dir, "allow": ["127.0.0.0/8", "10.77.0.0/16"], "per_destination": 1000,
                                                      "per_second": 1000, "in_flight_max": 2000, **conf}))
        path = write(name + ".yml", json.dumps({"defaults": {"regions": ["tokyo"]}, "monitors": monitors}))
        process = subprocess.Popen([*self.first, PROGRAM, "check", "-c", conf, "-f", path, "-o", "ndjson", "--concurrency", str(concurrency), *words], env=self.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lab.closers.append(process.kill)
        return process, map(json.loads, process.stdout)

    def ended(self, process):
        """Down was found, and nothing else was wrong."""
        equal(process.stderr.read(), "", "standard error")
        equal(process.wait(10), 2, "exit status")

    def wrong(self, result):
        """What is wrong with the result of a case; None: nothing."""
        case = self.cases.get(result["name"], NEIGHBOUR)
        deadline_ms = float(case.timeout.removesuffix("ms")) if case.timeout.endswith("ms") else 1000 * float(case.timeout[:-1])
        if result["reason"] not in case.reasons:
            return f"{result['name']}: {result['reason']} ({result.get('detail')}) instead of {' or '.join(case.reasons)}"
        if result["duration_ms"] > deadline_ms + LATE_MS:
            return f"{result['name']}: took {result['duration_ms']} ms of {deadline_ms:.0f}"
        return None


def is_bare():
    """Whether the program's figures mean something: no sanitizer in it, and no other processor that is played for it."""
    with open(PROGRAM, "rb") as f:
        text = f.read()
    return b"__asan_init" not in text and b"qemu" not in text


def resident_kib(process):
    """The most so far; 0 when it has ended."""
    found = re.search(r"VmHWM:\s+(\d+)", read(f"/proc/{process.pid}/status"))
    return int(found[1]) if found else 0


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def neighbours(h, n):
    """Monitors of a server that does what it should: connections, and pages."""
    port = free_port()
    Nginx(h.lab, "nginx", [server(f"127.0.0.1:{port}", 'location / { return 200 "well"; }')], prefix=h.first).start(("127.0.0.1", port))
    kinds = {"tcp": f"127.0.0.1:{port}", "http": f"http://127.0.0.1:{port}/"}
    return [{"name": f"neighbour {i}", "type": kind, "target": kinds[kind], "timeout": "4s"} for i in range(n) for kind in [("tcp", "http")[i % 2]]]


def errors(results):
    """Of those that are well: how late each began (us), and how much longer than the usual it took. After a first burst of PER_SECOND, one begins
    every so often, whatever became of those before."""
    began = sorted(((datetime.datetime.fromisoformat(r["started_at"].replace("Z", "+00:00")).timestamp() * 1e6, r) for r in results), key=lambda b: b[0])
    due = [(at - i * 1e6 / PER_SECOND, r) for i, (at, r) in enumerate(began) if i >= PER_SECOND]
    first = min(at for at, _ in due)
    well = [(at - first, r) for at, r in due if r["name"].startswith("neighbour")]
    usual = {kind: percentile([r["phases"]["total_us"] for _, r in well if r["type"] == kind], 0.5) for kind in ("tcp", "http")}
    late, longer = [at for at, _ in well], [r["phases"]["total_us"] - usual[r["type"]] for _, r in well]
    return late, longer


def among_others(h, well):
    """The cases between checks of a good server, in one process: those that were wrong, and the figures."""
    cases = [c.monitor(h.ports) for c in h.cases.values() if not c.alone]
    random.Random(1).shuffle(cases)
    first, rest = well[:PER_SECOND], well[PER_SECOND:]
    share = [rest[i * len(rest) // len(cases):(i + 1) * len(rest) // len(cases)] for i in range(len(cases))]
    order = first + [m for case, others in zip(cases, share) for m in (case, *others)]
    process, results = h.check(order, 2000, per_second=PER_SECOND)
    seen, wrong, most_kib, begun_kib = [], {}, 0, 0
    for result in results:
        seen.append(result)
        what = h.wrong(result)
        if what:
            wrong[result["name"]] = what
        most_kib = max(most_kib, resident_kib(process))
        if len(seen) == PER_SECOND // 2:
            begun_kib = most_kib
    h.ended(process)
    equal(sorted(r["name"] for r in seen), sorted(m["name"] for m in order), "results")
    return wrong, most_kib - begun_kib, *errors(seen)


def by_themselves(h, names, at_once=1):
    """One after the other: those that are wrong, and by how much memory grew from one to the next (KiB)."""
    process, results = h.check(h.monitors(*names), at_once)
    wrong, grown, before = {}, {}, 0
    for result in results:
        what = h.wrong(result)
        if what:
            wrong[result["name"]] = what
        now = resident_kib(process)
        grown[result["name"]], before = now - before if before and now else 0, now or before
    process.wait(10)
    equal(process.stderr.read(), "", "standard error")
    return wrong, grown


def undisturbed(h):
    """Among checks of a good server: the cases that were wrong. Memory and the others' times are judged where they mean something."""
    well = neighbours(h, 1500 + PER_SECOND)
    for _ in range(5):  # what else runs on this machine may disturb now and then; a target would always
        wrong, grown_kib, late, longer = among_others(h, well)
        disturbed_us = percentile(late, 0.99), percentile(longer, 0.99)
        print(f"    {len(h.cases)} cases among {len(well)} other checks: memory +{grown_kib} KiB; 99 % of the others start within {disturbed_us[0] / 1000:.1f} ms "
              f"and take at most {disturbed_us[1] / 1000:.1f} ms more")
        if not h.first or max(disturbed_us) <= ERROR_US:
            break
    check(grown_kib <= 4 * GROWTH_KIB, f"memory grew by {grown_kib} KiB in all")
    if h.first:
        check(max(disturbed_us) <= ERROR_US, f"others were disturbed: start and duration {disturbed_us} us, {ERROR_US} allowed")
    else:
        print("    the times of others were not judged: that needs real-time priority")
    strangers = [what for name, what in wrong.items() if name not in h.cases]
    check(not strangers, "; ".join(strangers))
    return wrong


def test_hostile(lab):
    """More than 60 ways to harm a probe, hundreds of them, among checks of a good server: each ends with its reason and in time; no crash, no leak; and
    (without sanitizers) memory that does not grow, and neighbours that start in time and take as long as ever."""
    h = Hostile(lab)
    crowd = [name for name, case in h.cases.items() if not case.alone]
    wrong = undisturbed(h) if h.bare else by_themselves(h, crowd, 16)[0]
    check(len(wrong) <= len(crowd) // 4, "; ".join(wrong.values()))
    wrong |= {name: "" for name, case in h.cases.items() if case.alone}
    for _ in range(3):  # a machine that is busy with something else is late itself
        if wrong:
            wrong = by_themselves(h, wrong)[0]
    check(not wrong, "; ".join(wrong.values()))


test_hostile.seconds = 14


def test_hostile_alone(lab):
    """Each case by itself, all in one process: how much its memory grows; 64 MiB of a body of 10 GiB are read; servers that send
    a byte a second are borne for as long as a check may take."""
    h = Hostile(lab)
    wrong, grown = by_themselves(h, list(h.cases))
    check(not wrong, "; ".join(wrong.values()))
    worst = sorted(grown.items(), key=lambda g: -g[1])[:5]
    print(f"    {len(grown)} cases; memory grew most with: " + ", ".join(f"{name} {kib} KiB" for name, kib in worst))
    check(all(kib <= GROWTH_KIB for kib in grown.values()), f"memory: {worst}")
    large = [{**h.cases[name].monitor(h.ports), "timeout": "60s"} for name in ("sends 10 GiB without a length", "TLS: sends 10 GiB", "HTTP/2: sends 10 GiB")]
    slow = [{**h.cases[name].monitor(h.ports), "timeout": "60s"} for name in (
        "says the status line at 1 B/s", "says headers at 1 B/s", "says the body at 1 B/s", "says chunks at 1 B/s", "TLS: shakes hands at 1 B/s")]
    process, results = h.check(large + slow, 20, body_max=64 << 20)
    begun_kib, seen = 0, {}
    for result in results:
        seen[result["name"]] = result
        begun_kib = begun_kib or resident_kib(process)
        most_kib = resident_kib(process) or most_kib
    h.ended(process)
    for m in large:
        equal(seen[m["name"]]["reason"], "http.too_large", m["name"])
    for m in slow:
        r = seen[m["name"]]
        check(r["reason"] in ("http.timeout", "tls.timeout") or r["duration_ms"] < 60000, f"{r}")  # a status line of 17 bytes has an end
        check(r["duration_ms"] <= 60000 + LATE_MS, f"{r}")
    check(most_kib - begun_kib <= GROWTH_KIB, f"memory grew by {most_kib - begun_kib} KiB from 64 MiB to the end")


test_hostile_alone.apart = True
test_hostile_alone.seconds = 100
