#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make demo`: the main job with the real programs, told step by step.

A coordinator, three probes as three regions, nginx as the watched site. One server is stopped: one quorum alert arrives at
a webhook and at `quorate alert follow`; it is started again: the alert closes. Then everything stays up to be tried until
Ctrl-C (DEMO_EXIT=1: ends by itself). URL=https://… watches that page, too. Everything is under build/demo.
"""
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))

from lab import BUILD, REGIONS, ROOT, Failure, Lab, free_port, wait_for, write  # noqa: E402
from peers import Nginx, Receiver, certificates, server  # noqa: E402

FOLDER = os.path.join(ROOT, "build/demo")
INTERVAL_S, LIMIT_S = 10, 15
began = time.monotonic()
printing = threading.Lock()
bold = (lambda s: f"\033[1m{s}\033[0m") if sys.stdout.isatty() else (lambda s: s)


class Stopped(BaseException):
    """Ctrl-C or a signal: not an error, but everything is cleaned up on the way out."""


def say(text="", mark=" "):
    """One told line with the seconds since the start."""
    with printing:
        for line in text.split("\n"):
            print(f"{time.monotonic() - began:6.1f} s {mark} {line}" if line else "", flush=True)


def step(title):
    say()
    say(bold(title), "#")


def short(path):
    return os.path.relpath(path, os.getcwd())


def may_ping():
    """Whether this account may send pings: a ping socket, or a raw one (root, CAP_NET_RAW)."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
            return True
        except OSError:
            pass
    return False


def preferred_port(port):
    try:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
        return port
    except OSError:
        return free_port()


class Follow:
    """`quorate alert follow` as a user runs it; its lines are told as they come."""

    def __init__(self, lab, coordinator):
        env = {**lab.env, "QUORATE_URL": coordinator.url, "QUORATE_API_KEY": coordinator.api.key}
        self.lines = []
        self.process = subprocess.Popen([os.path.join(BUILD, "quorate"), "alert", "follow"], env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        lab.closers.append(self.stop)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            say(line.rstrip(), ">")

    def saw(self, *words):
        return any(all(w in line for w in words) for line in list(self.lines))

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Demo:
    def __init__(self, lab):
        self.lab = lab
        self.monitors = {}
        self.url = os.environ.get("URL", "")

    # ---- the steps
    def site(self):
        step("The site to watch: nginx, http and https, with a certificate made now")
        ca, cert, key = certificates(self.lab, days=90)
        self.ca = ca
        self.shop_port, self.entrance_port, self.tls_port = free_port(), free_port(), free_port()
        self.shop = Nginx(self.lab, "shop", [
            server(f"127.0.0.1:{self.shop_port}", 'location / { return 200 "<h1>Shop</h1> Add to cart\\n"; }')])
        self.front = Nginx(self.lab, "front", [
            server(f"127.0.0.1:{self.entrance_port}", f"return 301 https://localhost:{self.tls_port}/;"),
            server(f"127.0.0.1:{self.tls_port}", 'location / { return 200 "<h1>Welcome</h1>\\n"; }', tls=(cert, key))])
        self.shop.start(("127.0.0.1", self.shop_port))
        self.front.start(("127.0.0.1", self.entrance_port), ("127.0.0.1", self.tls_port))
        say(f"shop      http://127.0.0.1:{self.shop_port}/        (a server of its own: it will be stopped)")
        say(f"entrance  http://127.0.0.1:{self.entrance_port}/        redirects to https://localhost:{self.tls_port}/")

    def start_coordinator(self):
        step("The coordinator, on SQLite, and a webhook receiver that checks signatures")
        self.receiver = Receiver(self.lab)
        self.coordinator = self.lab.coordinator(channels=[self.receiver.channel])
        port = preferred_port(7443)
        self.coordinator.port = self.coordinator.api.port = port
        self.coordinator.url = f"http://127.0.0.1:{port}"
        self.coordinator.configure(api={"listen": f"127.0.0.1:{port}", "socket": ""}, url=self.coordinator.url)
        self.coordinator.start()
        say(f"API at {self.coordinator.url}, its admin key in {short(self.coordinator.dir)}/admin.key (0600)")
        say(f"webhook receiver at {self.receiver.url}")

    def start_probes(self):
        step("Three regions with a probe each")
        probes = []
        for city, region in REGIONS.items():
            self.coordinator.api.must("POST", "/api/v1/regions", {"name": region, "title": city.capitalize()})
            probe = self.lab.probe(self.coordinator, f"{city}-1", region, env={"SSL_CERT_FILE": self.ca}, allow=["127.0.0.0/8", "::1"])
            probes.append(probe.start())
        say("their own local files allow 127.0.0.0/8, which a probe refuses otherwise: " + short(probes[0].path))
        self.lab.wait_connected(self.coordinator, *probes)
        for probe in self.coordinator.api.items("/api/v1/probes"):
            say(f"{probe['name']:12} in {probe['region']:16} {probe['standing']}")

    def register(self, name, type, target, **more):
        common = {"interval": f"{INTERVAL_S}s", "timeout": "3s", "quorum": {"seats": 3}}
        answer = self.coordinator.api.call("POST", "/api/v1/monitors", {"name": name, "type": type, "target": target, **common, **more})
        if answer.status == 201 or answer.status == 200:
            self.monitors[name] = answer.json["id"]
            say(f"{name:12} {type:9} {target}")
            return True
        say(f"{name:12} {type:9} {target}: refused with {answer.status}: {answer.body.decode()}", "!")
        return False

    def add_monitors(self):
        step(f"Four monitors through the public API, every {INTERVAL_S} s from all three regions (a quorum is 2 of 3)")
        self.pinging = may_ping()
        if not self.pinging:
            say("This account may send no pings (net.ipv4.ping_group_range is closed to it and CAP_NET_RAW is missing), so the probes", "!")
            say("cannot either: the ping monitor will say so instead of UP. As root, or after this, it works:", "!")
            say('  sysctl -w net.ipv4.ping_group_range="0 2147483647"', "!")
        expected = [
            self.register("host", "ping", "127.0.0.1", request={"packets": 3, "packet_interval": "100ms"}) or not self.pinging,
            self.register("tls port", "tcp", f"127.0.0.1:{self.tls_port}"),
            self.register("shop", "http", f"http://127.0.0.1:{self.shop_port}/", expect={"body_contains": "Add to cart"}),
            self.register("entrance", "redirect", f"http://127.0.0.1:{self.entrance_port}/", expect={
                "hops": [{"status": 301, "location": f"https://localhost:{self.tls_port}/"}], "final_status": 200}),
        ]
        if not all(expected):
            raise Failure("a monitor of the demo was refused")
        if self.url:
            self.register("yours", "http", self.url)

    def wait_up(self):
        step("Waiting for the first votes: each region checks once within the interval")
        waiting = {n for n in self.monitors if n != "yours" and (n != "host" or self.pinging)}

        def all_up():
            for name in sorted(waiting):
                if self.coordinator.state(self.monitors[name]) == "up" and self.votes(name) == len(REGIONS):
                    say(f"{name:12} UP: {self.words(name)}")
                    waiting.discard(name)
            return not waiting

        wait_for(all_up, f"{', '.join(sorted(waiting))} to be UP with a vote of each region", INTERVAL_S + 20)
        if not self.pinging and "host" in self.monitors:
            explained = self.coordinator.explain(self.monitors["host"])
            say(f"{'host':12} {explained['state']}: {explained['sentence']}")
        if "yours" in self.monitors:
            say("yours        waiting for every region's first look at it (at most 20 s)")
            try:
                wait_for(lambda: self.votes("yours") == len(REGIONS), "a look of every region at your URL", 20)
            except Failure as e:
                say(str(e), "!")
            say(f"{'yours':12} {self.coordinator.state(self.monitors['yours']).upper()}: {self.words('yours')}")
        if self.coordinator.status()["hold"]:
            say("Waiting for the end of the hold: after its start a coordinator raises nothing until every vote could have arrived")
            self.lab.wait_settled(self.coordinator)
        self.follow = Follow(self.lab, self.coordinator)

    def votes(self, name):
        """How many regions have voted."""
        return sum(v["verdict"] is not None for v in self.coordinator.explain(self.monitors[name])["votes"])

    def words(self, name):
        votes = self.coordinator.explain(self.monitors[name])["votes"]
        why = lambda v: f" ({v['reason']})" if v["reason"] not in (None, "ok") else ""
        return ", ".join(f"{v['region']} {v['verdict'] or v['fate']}{why(v)}" for v in sorted(votes, key=lambda v: v["region"]))

    def message(self, type, what, timeout):
        """The first webhook of TYPE that is not about the user's own URL."""
        wanted = lambda: [d for d in self.receiver.messages(type=type) if (d.alert.get("monitor") or {}).get("name") != "yours"]
        wait_for(wanted, f"{what} at the webhook receiver", timeout)
        return wanted()[0]

    def outage(self):
        step("The shop's server stops (nothing else does)")
        self.shop.stop()
        stopped = time.monotonic()
        say(f"stopped; waiting for two of three regions to see it and to confirm it (at most {LIMIT_S} s)")
        message = self.message("alert.opened", "an alert", LIMIT_S + 15)
        took = message.at - stopped
        alert = message.alert
        self.check(alert["kind"] == "down", f"the alert is about something else: {message}")
        say(bold(f"webhook: {message.type}, case {alert['case']}: {alert['monitor']['name']} is {alert['kind']} ({alert['severity']})"), "<")
        say(f"reason    {alert['reason']['code']}: {alert['reason']['text']}", "<")
        q = alert["quorum"]
        say(f"quorum    {q['counted']['down']} of {q['seats']} regions say down; {q['down']} are needed; confirmed in {q['rounds']} rounds", "<")
        for vote in alert["votes"]:
            say(f"vote      {vote['probe']:12} {vote['region']:16} {vote['verdict']:8} {vote['reason'] or '-':14} {vote['fate']}", "<")
        wait_for(lambda: self.follow.saw(alert["case"]), "`quorate alert follow` to show the case", 5)
        say(bold(f"{took:.1f} s from the stop to the webhook at an interval of {INTERVAL_S} s"))
        self.check(took <= LIMIT_S, f"that is more than {LIMIT_S} s")
        self.case = alert

    def recovery(self):
        step("The shop's server starts again")
        self.shop.start()
        started = time.monotonic()
        say("started; waiting for the regions to see it and to confirm it")
        message = self.message("alert.closed", "the close", 40)
        self.check(message.alert["id"] == self.case["id"], "another alert was closed")
        say(bold(f"webhook: {message.type}, case {message.alert['case']} after {message.at - started:.1f} s"), "<")
        wait_for(lambda: self.follow.saw(self.case["case"], "closed"), "`quorate alert follow` to show the close", 5)
        opened = [d for d in self.receiver.messages(type="alert.opened") if (d.alert.get("monitor") or {}).get("name") != "yours"]
        self.check(len(opened) == 1, f"one outage, one alert; these came: {opened}")
        self.check(not self.receiver.problems, f"signatures: {self.receiver.problems}")
        say("One outage: one alert, one close. Every webhook's signature was right.")

    @staticmethod
    def check(condition, what):
        if not condition:
            raise Failure(what)

    def stay(self):
        step("It stays up until Ctrl-C. In another terminal:")
        cli = short(os.path.join(BUILD, "quorate"))
        key = short(os.path.join(self.coordinator.dir, "admin.key"))
        print(f"""
    export QUORATE_URL={self.coordinator.url} QUORATE_API_KEY=$(cat {key})
    {cli} status
    {cli} monitor list
    {cli} explain shop
    {cli} alert list
    {cli} monitor add --name mine --http https://example.com/
    curl -s -H "Authorization: Bearer $QUORATE_API_KEY" $QUORATE_URL/api/v1/monitors
    kill -STOP {self.lab.children[-1].pid}        # hang a probe: no false alarm; it is missed after half a minute (CONT: continue)

    Enter (here) stops and starts the shop's server.
""", flush=True)
        seen = len(self.receiver.deliveries)
        console = [sys.stdin] if sys.stdin and sys.stdin.isatty() else []
        while True:
            if select.select(console, [], [], 0.2)[0]:
                if not sys.stdin.readline():
                    console = []
                elif self.shop.alive():
                    self.shop.stop()
                    say("the shop's server is stopped; Enter starts it again")
                else:
                    self.shop.start()
                    say("the shop's server is started again")
            for message in self.receiver.deliveries[seen:]:
                what = (message.alert.get("monitor") or {}).get("name") or message.alert.get("probe")
                say(f"webhook: {message.type}, case {message.alert.get('case')}: {what}: {message.alert.get('kind')}", "<")
                seen += 1
            for child in (self.coordinator, self.front):
                self.check(child.alive(), f"{child.name} ended by itself; see {short(child.log)}")

    def run(self):
        for act in (self.site, self.start_coordinator, self.start_probes, self.add_monitors, self.wait_up, self.outage, self.recovery):
            act()
        if os.environ.get("DEMO_EXIT", "") in ("", "0"):
            self.stay()


def stop_on_signal(number, frame):
    signal.signal(number, signal.SIG_IGN)  # once is enough: the second one must not disturb the clean-up
    raise Stopped()


def main():
    os.makedirs(os.path.dirname(FOLDER), exist_ok=True)
    lock = open(FOLDER + ".lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("make demo: another demo of this folder is running (build/demo)")
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER, mode=0o755)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    lab = Lab(FOLDER, keep=True)
    code = 0
    try:
        Demo(lab).run()
    except Stopped:
        pass
    except Failure as e:
        say(f"FAILED: {e}", "!")
        code = 1
    except Exception:
        say(traceback.format_exc(), "!")
        code = 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    say()
    say("Stopping everything")
    try:
        lab.close(failed=code != 0)
    except Failure as e:
        say(f"FAILED: {e}", "!")
        code = 1
    if code:
        say(f"The logs are in {short(FOLDER)}/log", "!")
    else:
        say("Done.")
    return code


if __name__ == "__main__":
    sys.exit(main())
