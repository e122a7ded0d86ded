# SPDX-License-Identifier: MIT
"""Thousands of monitors on their schedule: memory, the first check after a start, checks that hang beside others, and
what is measured beside a capture of the packets."""
import collections
import json
import os
import subprocess
import sys
import time

import ground
from ground import PROBER, SERVER, on, wait_for
from report import QUICK, goal

sys.path.insert(0, os.path.join(ground.ROOT, "tests/e2e"))
from lab import Lab  # noqa: E402

MONITORS = 10000
SETTLED_MS = 2500  # what came earlier waited for all monitors to be read


def address(i):
    return f"127.{1 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"


def percentiles(values, *wanted):
    ordered = sorted(values)
    return [ordered[min(len(ordered) - 1, int(len(ordered) * p))] for p in wanted]


# ---- schedule and engine, without the link

Row = collections.namedtuple("Row", "target verdict reason late_us started_ms resolve_us connect_us tls_us first_byte_us"
                                    " transfer_us total_us rtt_us lag_us")


def scheduled(monitors, seconds, in_flight_max, per_second, env=None):
    """What tests/bench/scheduled says of each check, and what it spent."""
    lines = "".join(json.dumps({"name": f"m{i}", **m}) + "\n" for i, m in enumerate(monitors))
    out = subprocess.run(on(PROBER, [os.path.join(ground.BUILD, "tests/bench/scheduled"), str(seconds), str(in_flight_max),
                                     str(per_second)]), input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env={**os.environ, **(env or {})})
    if out.returncode:
        sys.exit(f"bench: scheduled failed: {out.stderr}")
    rows = [Row(*words[:3], *map(int, words[3:])) for words in map(str.split, out.stdout.splitlines())]
    began = min(r.started_ms for r in rows)
    return [r for r in rows if r.started_ms > began + SETTLED_MS], json.loads(out.stderr.splitlines()[-1])


def isolation(g):
    """1,000 of 10,000 targets answer nothing at all: when do the others' checks start?"""
    hole = g.black_hole()
    print("\n1,000 black holes among 10,000 monitors (TCP and HTTP)")
    print(f"  {'':42}{'checks':>8}{'hanging':>9}{'late ms: p50':>14}{'p99':>8}{'most':>8}{'CPU %':>7}{'peak MB':>9}")
    for title, interval, in_flight, per_second in (("every 60 s; 300 at a time, 200 a second", 60, 300, 200),
                                                   ("every 10 s; 2,000 at a time and a second", 10, 2000, 2000)):
        def monitor(i):
            at = f"{address(i)}:{hole if i % 10 == 0 else g.http}"
            return {**({"tcp": at} if i // 10 % 2 else {"http": f"http://{at}/"}), "interval": f"{interval}s", "timeout": "9s"}
        rows, spent = scheduled(map(monitor, range(MONITORS)), 25 if QUICK else 40, in_flight, per_second)
        good = [r for r in rows if f":{hole}" not in r.target]
        failed = collections.Counter(r.reason for r in good if r.reason != "ok")
        p50, p99, most = percentiles([r.late_us / 1000 for r in good], 0.5, 0.99, 1)
        print(f"  {title:42}{len(good):>8}{sum(r.reason == 'tcp.timeout' for r in rows):>9}{p50:>14.1f}{p99:>8.1f}{most:>8.1f}"
              f"{100 * spent['cpu_us'] / spent['wall_us']:>7.0f}{spent['peak_kb'] / 1024:>9.1f}")
        if failed:
            print(f"  of the others failed: {dict(failed)}")
        goal(f"lateness of the others, {title}, p99", p99, 50, " ms")


# ---- beside a capture


class Capture:
    """Packets of loopback with the kernel's timestamps, per target: lists of (seconds, what) in their order."""

    def __enter__(self):
        self.file = open(os.path.join(self.dir, "capture"), "w+")
        self.child = subprocess.Popen(on(SERVER, [os.path.join(ground.BUILD, "tests/bench/capture")]), stdin=subprocess.PIPE,
                                      stdout=self.file, stderr=subprocess.PIPE, text=True)
        if self.child.stderr.readline() != "ready\n":
            sys.exit("bench: packets cannot be captured here (CAP_NET_RAW)")
        return self

    def __init__(self, folder):
        self.dir = folder

    def __exit__(self, *_):
        _, said = self.child.communicate()
        if self.child.returncode:
            print(f"  {said.strip()}")

    def connections(self):
        """{target: [{"syn", "synack", "sent1", …, "answer"} in us]}, and {target: [us of the reply - of the request]}. What
        is sent again, since the other side is slow to say that it has it, came before."""
        self.file.seek(0)
        tcp, open_now, pings, asked = collections.defaultdict(list), {}, collections.defaultdict(list), {}
        for line in self.file:
            words = line.split()
            at, protocol, source, dest = int(words[0]) / 1000, words[1], words[2], words[4]
            if protocol == "1":
                if words[3] == "8":
                    asked[dest, words[5]] = at
                elif (source, words[5]) in asked:
                    pings[source].append(at - asked.pop((source, words[5])))
                continue
            sport, dport, flags, payload, sequence = words[3], words[5], int(words[6], 16), int(words[7]), int(words[8])
            if flags & 0x12 == 0x02:
                one = open_now[source, sport, dest, dport] = {"syn": at, "sent": 0, "seen": set()}
                tcp[f"{dest}:{dport}"].append(one)
            elif (one := open_now.get((source, sport, dest, dport))) is not None:  # from the prober
                if payload and again(one, "c", sequence):
                    continue
                if payload:
                    one["sent"] += 1
                    one[f"sent{one['sent']}"] = at
            elif (one := open_now.get((dest, dport, source, sport))) is not None:  # from the server
                if flags & 0x12 == 0x12:
                    one.setdefault("synack", at)
                elif payload and one["sent"] <= 3 and not again(one, "s", sequence):  # not what follows our goodbye
                    one["answer"] = at
        return tcp, pings


def again(connection, who, sequence):
    known = (who, sequence) in connection["seen"]
    connection["seen"].add((who, sequence))
    return known


def host_port(target):
    return target.split("//")[-1].rstrip("/")


def kind_of(row):
    scheme = row.target.split(":")[0] if "//" in row.target else ""
    return {"https": "HTTPS", "http": "HTTP"}.get(scheme) or ("TCP" if row.rtt_us == -1 else "ICMP")


def errors_of(rows, tcp, pings):
    """{what: [|measured - captured| in us]}; a target's k-th check is its k-th connection."""
    found, seen = collections.defaultdict(list), collections.Counter()
    for r in sorted(rows, key=lambda r: r.started_ms):
        at, kind = host_port(r.target), kind_of(r)
        k = seen[at]
        seen[at] += 1
        if kind == "ICMP":
            if k < len(pings[at]):
                found["ICMP round trip"].append(abs(r.rtt_us - pings[at][k]))
            continue
        if r.reason != "ok" or k >= len(tcp[at]):
            continue
        c = tcp[at][k]
        found[f"{kind} connect"].append(abs(r.connect_us - (c["synack"] - c["syn"])))
        request = {"HTTP": 1, "HTTPS": 3}.get(kind)  # ClientHello; Finished; the request
        if request is None or c["sent"] < request or "answer" not in c:
            continue
        if kind == "HTTPS":
            found["HTTPS handshake"].append(abs(r.tls_us - (c["sent2"] - c["synack"])))
        found[f"{kind} first byte"].append(abs(r.first_byte_us - (c["answer"] - c[f"sent{request}"])))  # the only packet
        whole = sum(us for us in (r.connect_us, r.tls_us, r.first_byte_us, r.transfer_us) if us > 0)
        found[f"{kind} connect to last byte"].append(abs(whole - (c["answer"] - c["syn"])))
    return found


def accuracy(g):
    """Round trips and phases, beside the packets' own times."""
    seconds, quiet = 10 if QUICK else 20, {"interval": "5s", "timeout": "4s"}
    ping = {"packets": 1}

    def small(i):
        return {**({"ping": address(i), "request": ping} if i % 2 else {"tcp": f"{address(i)}:{g.http}"}), **quiet}

    def run(monitors, title, limit_ms, ours):
        with Capture(g.dir) as capture:
            rows, spent = scheduled(monitors, seconds, 2000, 10000, env={"SSL_CERT_FILE": g.roots})
        # the first SETTLED_MS are not looked at: neither are their packets
        tcp, pings = capture.connections()
        skip_settled(rows, tcp, pings)
        print(f"\n{title}: {len(rows) / (seconds - SETTLED_MS / 1000):,.0f} checks a second,"
              f" {100 * spent['cpu_us'] / spent['wall_us']:.0f} % of a core")
        print(f"  {'error, ms':40}{'checks':>8}{'p50':>8}{'p99':>8}{'most':>8}")
        for what, values in sorted(errors_of(rows, tcp, pings).items()):
            p50, p99, most = percentiles(values, 0.5, 0.99, 1)
            print(f"  {what:40}{len(values):>8}{p50 / 1000:>8.3f}{p99 / 1000:>8.3f}{most / 1000:>8.3f}")
            if what.startswith(ours):
                goal(f"error of {what}, p99", p99 / 1000, limit_ms, " ms")

    run(map(small, range(5000)), "Accuracy, ICMP and TCP", 0.2, ("ICMP", "TCP"))
    mixed = [small(i) for i in range(1000)] + [
        {"http": f"https://{address(20000 + i)}:{g.https['p256']}/", "request": {"verify": False}, **quiet} for i in range(850)] + [
        {"http": f"http://{address(30000 + i)}:{g.http}/", **quiet} for i in range(250)]
    run(mixed, "Accuracy with HTTPS beside", 3, ("ICMP", "TCP", "HTTP"))


def skip_settled(rows, tcp, pings):
    """Leaves of each target's packets those of the last checks, as many as there are rows of it."""
    n = collections.Counter(host_port(r.target) for r in rows)
    for seen in (tcp, pings):
        for at in list(seen):
            seen[at] = seen[at][-n[at]:] if n[at] else []


# ---- the daemon


class Daemon:
    """A coordinator and one probe, as in the end-to-end tests."""

    def __init__(self, g, **conf):
        self.lab = Lab().__enter__()
        self.coordinator = self.lab.coordinator(prefix=["taskset", "-c", str(SERVER)]).start()
        self.lab.regions(self.coordinator, ["tokyo"])
        self.probe = self.lab.probe(self.coordinator, "tokyo-1", "tokyo", prefix=["taskset", "-c", str(PROBER)], **conf)
        self.n = 0

    def register(self, monitors):
        for m in monitors:
            self.coordinator.api.must("POST", "/api/v1/monitors", {"name": f"m{self.n}", "quorum": {"seats": 1}, **m})
            self.n += 1

    def kb(self, key):
        return ground.rss_kb(self.probe.pid, key)

    def close(self):
        self.lab.__exit__(None, None, None)


def of_all_kinds(g, i, interval):
    at = f"{address(i)}:{g.http}"
    target = {"type": "tcp", "target": at} if i % 2 else {"type": "http", "target": f"http://{at}/"}
    return {**target, "interval": interval, "timeout": "9s"}


def first_packet(g, daemon):
    """Seconds from the start of the probe to its first packet to a target."""
    with Capture(g.dir) as capture:
        began = time.time()
        daemon.probe.start()
        wait_for(lambda: capture.file.seek(0) or any(line.split()[5] == str(g.http) for line in capture.file
                                                      if line.endswith("\n")), "the first check", 20)
    capture.file.seek(0)
    return next(int(line.split()[0]) for line in capture.file if line.split()[5] == str(g.http)) / 1e9 - began


def hang_in_tls(g, daemon):
    """600 checks that hang, of which 500 may run at a time; what the daemon then is at most, in MB."""
    daemon.register({"type": "http", "target": f"https://{address(30000 + i)}:{g.https['p256']}/wait", "interval": "30s",
                     "timeout": "29s", "request": {"verify": False}} for i in range(600))
    wait_for(lambda: len(os.listdir(f"/proc/{daemon.probe.pid}/fd")) > 500, "500 checks in TLS", 120)
    return daemon.kb("VmHWM") / 1024


def memory(g):
    """The real daemon with a real coordinator: 10,000 monitors, its start with them, and 500 checks that hang in TLS."""
    daemon = Daemon(g, per_second=500, in_flight_max=500)
    try:
        daemon.register(of_all_kinds(g, i, "30s") for i in range(MONITORS))
        print(f"\nThe daemon with {MONITORS:,} monitors, every 30 s")
        goal("start to first check", first_packet(g, daemon), 1, " s")
        wait_for(lambda: count_pending(daemon) == 0, "a result of each monitor", 120)
        print(f"  resident {daemon.kb('VmRSS') / 1024:.1f} MB, of its own (anonymous) {daemon.kb('RssAnon') / 1024:.1f} MB")
        goal("resident with 10,000 scheduled, at most", daemon.kb("VmHWM") / 1024, 32, " MB")
        goal("with 500 TLS checks in flight besides, at most", hang_in_tls(g, daemon), 64, " MB")
    finally:
        daemon.close()


def memory_tls(g):
    """The same with nothing but checks that hang in TLS."""
    daemon = Daemon(g, per_second=500, in_flight_max=500)
    try:
        print("\nThe daemon with 600 monitors that hang in TLS")
        daemon.probe.start()
        goal("resident with 500 TLS checks in flight, at most", hang_in_tls(g, daemon), 64, " MB")
    finally:
        daemon.close()


def count_pending(daemon):
    found = daemon.coordinator.api.get("/api/v1/monitors?state=pending&limit=1")
    return len(found.json["items"])
