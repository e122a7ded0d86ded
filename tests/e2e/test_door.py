# SPDX-License-Identifier: MIT
"""The door: probes and API clients over TLS, and thousands of strangers who are neither."""
import concurrent.futures
import hashlib
import os
import base64
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from lab import REGIONS, Skip, check, equal, free_port, read, stays, wait_for
from peers import Receiver, Site, certificates
from wire import Wire

WARM_UP = 300  # strangers, after which buffers have grown


def open_door(lab, **more):
    """A running coordinator with a door, and where the door is."""
    port = free_port()
    coordinator = lab.coordinator(door={"listen": f"127.0.0.1:{port}"}, **more).start()
    return coordinator, port


def over_the_door(coordinator, port):
    """What a probe's configuration says of this door."""
    return {"addresses": [f"127.0.0.1:{port}"], "pin": [coordinator.status()["door"]["pin"]]}


def client_context(alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


def links(coordinator):
    return coordinator.status()["door"]["links"]


def descriptors(coordinator):
    return len(os.listdir(f"/proc/{coordinator.pid}/fd"))


def resident_mib(coordinator):
    return int(read(f"/proc/{coordinator.pid}/statm").split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


class Strangers:
    """Connections of mixed kinds, from many addresses, eight at a time."""

    garbage = (b"", b"\x16", b"\x16\x03\x01\xff\xff\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", os.urandom(600))
    prefaces = (b"", b"{}\n", b"x" * 5000, b'{"type":"preface","version":1,"stream":"report","probe":"tokyo-1","token":"qpt_0123456789abcdef"}\n',
                b'{"type":"preface"', os.urandom(1000))

    def __init__(self, port):
        self.port, self.kept, self.slow, self.lock = port, [], [], threading.Lock()
        self.link, self.plain = client_context("quorate/1"), client_context()

    def one(self, i):
        try:
            s = socket.create_connection(("127.0.0.1", self.port), timeout=5, source_address=(f"127.0.1.{1 + i % 250}", 0))
        except OSError:
            return
        try:
            if i % 10 < 6:
                s.send(self.garbage[i % 6])
            elif i % 10 < 9:
                s = (self.link if i % 10 < 8 else self.plain).wrap_socket(s)
                s.send(self.prefaces[i // 10 % 6])
            else:  # gone with a reset
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        if i % 3 == 0:  # stays, and says nothing more, or very slowly
            with self.lock:
                (self.slow if i % 30 == 0 else self.kept).append(s)
        else:
            s.close()

    def come(self, first, n):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(self.one, range(first, first + n)))

    def trickle(self, stop):
        """A byte now and then, to those that are slow."""
        while not stop.wait(0.4):
            with self.lock:
                for s in list(self.slow):
                    try:
                        s.settimeout(0)
                        s.send(b"{")
                    except OSError:
                        self.slow.remove(s)
                        s.close()

    def oversize(self, stop, probe, token):
        """One with a valid token, whose messages are larger than any may be."""
        while not stop.wait(0.2):
            try:
                wire = Wire(self.port, door=True, probe=probe, token=token, timeout=5)
                wire.socket.sendall(b"\x01" + struct.pack(">Q", 240005) + b"{" * 100000)
                while wire.socket.recv(4096):
                    pass
            except OSError:
                pass
            wire.close()

    def go(self):
        for s in self.kept + self.slow:
            s.close()
        self.kept.clear()
        self.slow.clear()


def no_strangers(coordinator):
    door = coordinator.status()["door"]
    return door["strangers"] + door["api"] == 0


def time_of_outage(lab, coordinator, shop, monitor, receiver):
    """Switches the shop off and on: how long until it was down, by the coordinator's own times."""
    n = len(receiver.messages(type="alert.opened"))
    stopped = time.time()
    shop.down()
    alert = receiver.wait("the alert", 15, type="alert.opened", count=n + 1)
    took = time.time() - stopped - (time.monotonic() - alert.at)
    shop.up()
    receiver.wait("its close", 15, type="alert.closed", count=n + 1)
    return took


def hostile(lab, n):
    lab.env["ASAN_OPTIONS"] += ":quarantine_size_mb=1"  # memory is measured here
    receiver = Receiver(lab)
    coordinator, port = open_door(lab, channels=[receiver.channel])
    shop = Site(lab, "shop")
    lab.trio(coordinator, coordinator=over_the_door(coordinator, port))
    lab.regions(coordinator, ["osaka"])
    token = lab.secret(coordinator.api.must("POST", "/api/v1/probes", {"name": "osaka-1", "region": "osaka"})["token"])
    monitor = lab.monitor(coordinator, "shop", "http", shop.url, regions=list(REGIONS.values()))
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    equal(links(coordinator), 6, "links of three probes")
    sessions = coordinator.status()["link"]["sessions"]
    quiet = time_of_outage(lab, coordinator, shop, monitor, receiver)
    strangers = Strangers(port)
    strangers.come(0, WARM_UP)
    strangers.go()
    wait_for(lambda: no_strangers(coordinator), "the end of the first ones", 20)
    wait_for(lambda: links(coordinator) == 6, "the probes' links", 20)
    before = descriptors(coordinator), resident_mib(coordinator)

    slowest, lags, ages, outages, stop = 0.0, [], [], [], threading.Event()
    worker = threading.Thread(target=strangers.come, args=(0, n))
    threads = [worker, threading.Thread(target=strangers.trickle, args=(stop,)),
               threading.Thread(target=strangers.oversize, args=(stop, "osaka-1", token)),
               threading.Thread(target=lambda: outages.append(time_of_outage(lab, coordinator, shop, monitor, receiver)))]
    for thread in threads:
        thread.start()
    while worker.is_alive():
        begin = time.monotonic()
        status = coordinator.status()
        slowest = max(slowest, time.monotonic() - begin)
        lags.append(status["loop_lag_ms"])
        check(status["door"]["links"] in (6, 7), f"the probes' links stay: {status['door']}")
        ages.append(max(v["age_ms"] for v in coordinator.explain(monitor)["votes"]))
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    check(outages, "the outage was seen")
    wait_for(lambda: coordinator.status()["door"]["strangers"] == 0, "the end of those that stay silent", 20)
    strangers.go()  # idle clients of the API, too
    wait_for(lambda: no_strangers(coordinator), "the end of all", 10)
    wait_for(lambda: descriptors(coordinator) <= before[0], f"descriptors as before, {before[0]}", 10)
    grown = resident_mib(coordinator) - before[1]
    print(f"    {n} strangers: an outage was told after {outages[0]:.2f} s (before them {quiet:.2f} s), oldest vote {max(ages)} ms, "
          f"slowest answer {slowest * 1000:.0f} ms, loop lag at most {max(lags)} ms, memory {grown:+.1f} MiB of {before[1]:.0f}")
    check(grown <= 20, f"memory grew by {grown:.1f} MiB")
    check(max(lags) < 500, f"the loop's lag: {max(lags)} ms")
    check(slowest < 2, f"the slowest answer took {slowest:.2f} s")
    # a check a second, and its time-out; two rounds half a second apart; the lag that is allowed
    check(max(ages) < 3000, f"a vote was {max(ages)} ms old")
    check(outages[0] < 3.0, f"the outage was told after {outages[0]:.2f} s")
    equal(coordinator.status()["link"]["sessions"], sessions, "sessions")
    equal(len(coordinator.alerts()), 2, "alerts: the two outages")
    votes = coordinator.explain(monitor)["votes"]
    check(all(v["fate"] == "counted" for v in votes) and len(votes) == 3, f"votes: {votes}")
    ended = coordinator.status()["door"]["ended"]
    for why in ("late", "plain", "handshake", "malformed", "unauthorized"):
        check(ended[why] > 0, f"strangers that ended as {why}: {ended}")


def test_door_hostile(lab):
    """1,500 strangers of mixed kinds: probes stay connected, an outage is told in time, nothing of the strangers is left behind."""
    hostile(lab, 1500)


def test_door_hostile_long(lab):
    """Ten thousand of them."""
    hostile(lab, 10000)


test_door_hostile.seconds = 35
test_door_hostile_long.seconds, test_door_hostile_long.long = 120, 300


def test_door_api(lab):
    """The API over the door, pinned; TLS 1.2 and another key are refused; probes that lose their right lose their links at once."""
    coordinator, port = open_door(lab)
    door = coordinator.status()["door"]
    url = f"https://127.0.0.1:{port}/api/v1/status"
    plain = client_context()
    with plain.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10)) as s:
        equal(s.version(), "TLSv1.3", "the version of TLS")
        certificate = s.getpeercert(True)
    key = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=certificate, capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, capture_output=True, check=True).stdout
    equal(door["pin"], "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode(), "the pin")
    old = client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        old.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))
        check(False, "TLS 1.2 was accepted")
    except ssl.SSLError as e:
        check("version" in str(e).lower(), f"refused for its version: {e}")
    with plain.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10)) as s:
        s.sendall(f"GET /api/v1/status HTTP/1.0\r\nAuthorization: Bearer {coordinator.api.key}\r\n\r\n".encode())
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
        check(answer.startswith(b"HTTP/1.0 200") or answer.startswith(b"HTTP/1.1 200"), f"{url}: {answer[:100]!r}")

    tokyo, frankfurt, _ = lab.trio(coordinator, coordinator=over_the_door(coordinator, port))
    equal(links(coordinator), 6, "links of three probes")
    check("6 links, " in lab.cli(coordinator, "status").stdout, "quorate status shows them")
    coordinator.api.must("DELETE", f"/api/v1/probes/{tokyo.name}")
    wait_for(lambda: links(coordinator) == 4, "the removed probe's links to be cut", 1)
    coordinator.api.must("POST", f"/api/v1/probes/{frankfurt.name}/token")
    wait_for(lambda: links(coordinator) == 2, "the links of the old token to be cut", 1)
    wait_for(lambda: coordinator.status()["link"]["sessions"] == 1, "their sessions to end", 1)
    wait_for(lambda: "unauthorized" in frankfurt.text(), "the probe with the old token to be told why", 10)


def test_door_certificate(lab):
    """SIGHUP takes another certificate for new connections, and nobody is dropped; a broken one changes nothing."""
    coordinator, port = open_door(lab)
    lab.trio(coordinator, coordinator=over_the_door(coordinator, port))
    before = coordinator.status()
    ca, certificate, key = certificates(lab)
    coordinator.configure(door={"listen": f"127.0.0.1:{port}", "certificate": certificate, "key": key})
    os.chmod(key, 0o600)
    coordinator.signal(signal.SIGHUP)
    wait_for(lambda: coordinator.status()["door"]["pin"] != before["door"]["pin"], "another pin", 10)
    context = ssl.create_default_context(cafile=ca)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost") as s:
        equal(s.version(), "TLSv1.3", "a client that asks the CA")
    now = coordinator.status()["door"]["pin"]
    coordinator.configure(door={"listen": f"127.0.0.1:{port}", "certificate": lab.file("nothing"), "key": key})
    coordinator.signal(signal.SIGHUP)
    wait_for(lambda: "door.certificate_kept" in coordinator.text(), "the broken one to be refused", 10)
    equal(coordinator.status()["door"]["pin"], now, "the pin")
    stays(lambda: links(coordinator) == 6, "the links stay", 1)
    equal(coordinator.status()["link"]["sessions"], before["link"]["sessions"], "sessions")


def test_door_half_open(lab):
    """The wire is cut without a word: sessions end after three heartbeats and the links with them, on both sides; all come back."""
    coordinator, port = open_door(lab)
    probes = lab.trio(coordinator, coordinator=over_the_door(coordinator, port))
    if subprocess.run(["nft", "list", "ruleset"], capture_output=True).returncode != 0:
        raise Skip("nft cannot be used here")
    rules = f"table inet cut {{ chain out {{ type filter hook input priority 0; tcp dport {port} drop; tcp sport {port} drop; }}; }}"
    subprocess.run(["nft", rules], check=True)
    try:
        wait_for(lambda: coordinator.status()["link"]["sessions"] == 0, "the sessions to end", 31)
        wait_for(lambda: links(coordinator) == 0, "the links to be given up", 5)
        wait_for(lambda: all("old=spliced" in p.text() for p in probes), "the probes to give them up, too", 5)
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "cut"], check=True)
    wait_for(lambda: links(coordinator) == 6, "the links to be back", 70)


test_door_half_open.seconds = 60
test_door_half_open.long = 180
