#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a check costs, beside others: the same local servers on one processor, who probes on the other, in interleaved
rounds, as ratios of the same round. `make bench`; T=NAME runs one case, BENCH=quick fewer rounds, BENCH=counted counts instructions where
the machine cannot (counted.py: this program in an emulated machine).

  icmp tcp http https_p256 https_rsa https_le    one check, set beside a bare loop in C, plain libcurl and the tools that people use
  memory memory_tls isolation accuracy    many monitors on their schedule
  mass_event             every monitor of a coordinator changes at once
"""
import json
import os
import signal
import subprocess
import sys

import ground
import many
from ground import Blackbox, fping, plugin, program
from report import COUNTED, QUICK, goal, goals, measure, middle, ratio, seldom, table


def quorate(monitor, n, at_a_time=20, env=None):  # 20: a thousand a second that take 20 ms each
    return program("checks", n, at_a_time, json.dumps({"name": "bench", **monitor}), env=env)[0]


# ---- the cases


def icmp(g):
    blackbox, n = Blackbox(g), 3000 if QUICK else 20000
    one = {"ping": "127.0.0.1", "request": {"packets": 1}}
    ten = {"ping": "127.0.0.1", "request": {"packets": 10, "packet_interval": "10ms"}}

    def of_ten():
        found = quorate(ten, n // 10, at_a_time=500)
        return {key: value / 10 if key in ("cpu_us", "instructions") else value for key, value in found.items()}
    found = measure({
        "quorate": lambda: quorate(one, n),
        "quorate, 64 at a time": lambda: quorate(one, n, at_a_time=64),
        "quorate, of 10 packets each": of_ten,
        "bare sendmmsg loop": lambda: program("floor", "icmp", 4 * n, 64)[0],
        "… 20 at a time": lambda: program("floor", "icmp", 4 * n, 20)[0],
        "fping": lambda: fping(n),
        "blackbox": lambda: blackbox.run("icmp", "127.0.0.1", 200 if QUICK else 500),
        "check_icmp": seldom(lambda: plugin("check_icmp", "-n", "1", "127.0.0.1")),
    })
    table("ICMP: one echo request and its reply", found)
    goal("ICMP, 20 at a time ÷ bare sendmmsg loop, 64", ratio(found, "quorate", "bare sendmmsg loop"), 1.3)
    goal("ICMP ÷ bare sendmmsg loop, both 20 at a time", ratio(found, "quorate", "… 20 at a time"), 1.3)
    goal("ICMP ÷ bare sendmmsg loop, both 64 at a time", ratio(found, "quorate, 64 at a time", "bare sendmmsg loop"), 1.3)
    goal("ICMP ÷ fping's CPU", ratio(found, "quorate", "fping"), 0.75)
    if not COUNTED:
        goal("pings/s/core", 1e6 / middle(found["quorate"], "cpu_us"), 100000, least=True)


def tcp(g):
    blackbox, n = Blackbox(g), 2000 if QUICK else 5000
    found = measure({
        "quorate": lambda: quorate({"tcp": f"127.0.0.1:{g.http}"}, n),
        "bare connect + RST": lambda: program("floor", "tcp", n, g.http)[0],
        "… 20 at a time": lambda: program("floor", "tcp20", n, g.http)[0],
        "blackbox": lambda: blackbox.run("tcp", f"127.0.0.1:{g.http}", 200 if QUICK else 500),
        "check_tcp": seldom(lambda: plugin("check_tcp", "-H", "127.0.0.1", "-p", str(g.http))),
    })
    table("TCP connect", found)
    goal("TCP, 20 at a time ÷ bare connect + RST, one by one", ratio(found, "quorate", "bare connect + RST"), 1.3)
    goal("TCP ÷ bare connect + RST, both 20 at a time", ratio(found, "quorate", "… 20 at a time"), 1.3)
    goal("blackbox ÷ TCP", ratio(found, "blackbox", "quorate"), 10, least=True)


def http(g):
    blackbox, n = Blackbox(g), 1000 if QUICK else 3000
    url = f"http://127.0.0.1:{g.http}/"
    found = measure({
        "quorate": lambda: quorate({"http": url}, n),
        "bare loop": lambda: program("floor", "http", n, g.http)[0],
        "plain libcurl": lambda: program("floor", "curl", n, g.http)[0],
        "blackbox": lambda: blackbox.run("http", url, 200 if QUICK else 500),
        "check_http": seldom(lambda: plugin("check_http", "-I", "127.0.0.1", "-p", str(g.http))),
    })
    table("HTTP, new connection", found)
    goal("HTTP ÷ plain libcurl", ratio(found, "quorate", "plain libcurl"), 1.15)
    goal("blackbox ÷ HTTP", ratio(found, "blackbox", "quorate"), 9, least=True)


def https(g, name, title, limit, stretch=None):
    blackbox, n, port = Blackbox(g), 200 if QUICK else 500, g.https[name]
    url = f"https://127.0.0.1:{port}/"
    found = measure({
        "quorate": lambda: quorate({"http": url}, n, env={"SSL_CERT_FILE": g.roots}),
        "bare OpenSSL handshake": lambda: program("floor", "tls", n, port, g.roots)[0],
        "plain libcurl": lambda: program("floor", "curls", n, port, g.roots)[0],
        "blackbox": lambda: blackbox.run("http", url, n // 2),
        "check_http": seldom(lambda: plugin("check_http", "-S", "-I", "127.0.0.1", "-p", str(port))),
    })
    table(f"{title}, new connection, full handshake", found)
    goal(f"{title} ÷ blackbox", ratio(found, "quorate", "blackbox"), limit)
    if stretch:
        print(f"            stretch ≤ {stretch}: {'reached' if ratio(found, 'quorate', 'blackbox') <= stretch else 'not reached'}")


def https_p256(g):
    https(g, "p256", "HTTPS, P-256", 0.95, 0.8)


def https_rsa(g):
    https(g, "rsa", "HTTPS, RSA-2048", 0.95, 0.8)


def https_le(g):
    https(g, "le", "HTTPS, like Let's Encrypt: P-256, P-384, RSA-4096", 0.45)


def mass_event(_):
    print("\nEvery monitor of a coordinator changes at once", flush=True)
    subprocess.run([os.path.join(ground.BUILD, "tests/bench/mass_event")], check=True)


CASES = {f.__name__: f for f in (icmp, tcp, http, https_p256, https_rsa, https_le, many.memory, many.memory_tls, many.isolation, many.accuracy, mass_event)}


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), os.uname().machine)
    print(f"{model}, {os.cpu_count()} processors, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f};"
          f" servers on processor {ground.SERVER}, who probes on {ground.PROBER}")


def calibrate():
    """Counted figures are worth nothing if CPU time here is not instructions."""
    counted = program("floor", "million", 100, 0)[0]["cpu_us"] * 1000
    print(f"calibration: a million instructions are counted as {counted:,.0f}", flush=True)
    if not 0.99e6 <= counted <= 1.01e6:
        sys.exit("bench: CPU time is not instructions on this machine, an instruction a nanosecond")


def main():
    chosen = sys.argv[1:] or list(CASES)
    for name in chosen:
        if name not in CASES:
            sys.exit(f"bench: '{name}' is no case; accepted: {', '.join(CASES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    machine()
    if COUNTED:
        calibrate()
    g = ground.Ground()
    try:
        for name in chosen:
            CASES[name](g)
    finally:
        g.close()
    if goals:
        print(f"\n{sum(goals)} of {len(goals)} goals held")


if __name__ == "__main__":
    main()
