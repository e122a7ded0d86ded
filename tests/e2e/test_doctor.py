# SPDX-License-Identifier: MIT
"""`quorate-probe doctor`: all is well next to a running probe, and a table of faults, each with what to do about it."""
import concurrent.futures
import copy
import glob
import json
import os
import socket
import ssl
import subprocess
import threading
import time

from lab import PEERS, Skip, check, equal, free_port, read, write
from peers import Network, Squid, run
from test_door import client_context
from test_join import Joined, add, door_coordinator


def name_server(lab, address="127.0.0.1"):
    """A name server that has an answer to everything (an empty one), and a resolv.conf that names it, for this test alone."""
    if os.environ.get("QUORATE_LAB_NAMESPACES") != "1":
        raise Skip("needs a mount namespace, for a resolv.conf of its own")
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
    argv = [*p.prefix, *prefix, p.argv[0], "doctor", "-c", p.path, "-o", "json", *options]
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


class Interceptor:
    """A TLS-inspecting proxy: ends TLS with a certificate of its own CA and goes on to the door, so that it would work but for the
    pin. Serves one connection at a time."""

    def __init__(self, lab, address, port):
        folder = lab.file("gateway")
        os.makedirs(folder)
        self.ca, ca_key, cert, key = (os.path.join(folder, n) for n in ("ca.pem", "ca.key", "cert.pem", "key.pem"))
        names = write(os.path.join(folder, "names"), f"subjectAltName=IP:{address}\n")
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for argv in (["req", "-x509", *ec, "-keyout", ca_key, "-out", self.ca, "-days", "30", "-subj", "/CN=ACME Web Gateway"],
                     ["req", *ec, "-keyout", key, "-out", folder + "/csr", "-subj", "/CN=coordinator"],
                     ["x509", "-req", "-in", folder + "/csr", "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-out", cert, "-days", "30",
                      "-extfile", names]):
            run("openssl", *argv)
        self.far = ("127.0.0.1", port)
        self.near = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.near.load_cert_chain(cert, key)
        self.near.set_alpn_protocols(["quorate/1"])
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        lab.closers.append(self.listener.close)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                plain = self.listener.accept()[0]
            except OSError:
                return
            try:
                plain.settimeout(10)
                near = self.near.wrap_socket(plain, server_side=True)
                far = client_context("quorate/1").wrap_socket(socket.create_connection(self.far, timeout=10))
                far.sendall(near.recv(4096))
                while answer := far.recv(4096):
                    near.sendall(answer)
                near.unwrap()
            except OSError:
                pass
            plain.close()


def plain_server(lab, address):
    """Somebody who answers, but not in TLS."""
    listener = socket.create_server((address, 0))
    lab.closers.append(listener.close)

    def answer():
        while True:
            try:
                s = listener.accept()[0]
                s.recv(4096)
                s.sendall(b"220 mail.example.net ESMTP\r\n")
                s.close()
            except OSError:
                return

    threading.Thread(target=answer, daemon=True).start()
    return listener.getsockname()[1]


def fake_clock(seconds):
    """The environment of a program whose wall clock is off."""
    library = glob.glob(os.path.join(os.path.dirname(PEERS), "root/usr/lib/*/faketime/libfaketime.so.1"))
    check(library, "build/peers lacks libfaketime: run sh tests/peers.sh")
    return {"LD_PRELOAD": library[0], "FAKETIME": f"{seconds:+d}s", "DONT_FAKE_MONOTONIC": "1"}


def test_doctor_faults(lab):
    """Every fault of a table is found by its step, and its remedy is named: ports, black holes, interception, proxies, token, clock, …"""
    network = Network(lab)
    site = network.site("virginia")
    run("ip", "address", "add", "10.77.0.3/32", "dev", "lo")
    name_server(lab, "10.77.0.1")
    port = free_port()
    c = lab.coordinator(door={"listen": f"0.0.0.0:{port}", "addresses": [f"10.77.0.1:{port}"]}).start()
    lab.regions(c, ["tokyo"])
    squid = Squid(lab, [port], "probe", lab.secret("correct-horse-battery")).start()
    gateway = Interceptor(lab, "10.77.0.1", port)
    p = joined_probe(lab, c, prefix=site.prefix)
    joined, pin = read(p.path), c.status()["door"]["pin"]
    nobody = free_port()
    right, wrong = (write(lab.file(name), text + "\n", 0o600) for name, text in (("right", "correct-horse-battery"), ("wrong", "incorrect")))
    proxy = f"http://10.77.0.1:{squid.port}"
    user = f"http://probe@10.77.0.1:{squid.port}"
    found, _ = doctor(p, status=0)
    check(("clock", "ok") in found, f"without a fault: {found}")

    def coordinator(address, **more):
        return "coordinator: " + json.dumps({"addresses": [address], "pin": [pin], **more}) + "\n"

    here = f"10.77.0.1:{port}"
    cases = [  # what is wrong, lines of the configuration, options of doctor(), step, mark, words
        ("wrong port", coordinator(f"10.77.0.1:{nobody}"), {}, "tcp", "fail", ["nobody listens", "door.listen"]),
        ("not TLS", coordinator(f"10.77.0.1:{plain_server(lab, '10.77.0.1')}"), {}, "tls", "fail", ["does not speak TLS", "door's port"]),
        ("no such name", coordinator("coordinator.invalid:443"), {}, "name", "fail", ["coordinator.invalid", "getent hosts"]),
        ("intercepted", coordinator(f"10.77.0.1:{gateway.port}"), {}, "key", "fail",
         ["CN = coordinator", "ACME Web Gateway", "TLS-inspecting proxy sits in between", f"exception for 10.77.0.1:{gateway.port}"]),
        ("intercepted, with CAs", coordinator(f"10.77.0.1:{gateway.port}", pin=[]), {}, "key", "fail",
         ["ACME Web Gateway", "TLS-inspecting", f"exception for 10.77.0.1:{gateway.port}", "coordinator.ca"]),
        ("interception believed", coordinator(f"10.77.0.1:{gateway.port}", pin=[], ca=gateway.ca), {}, "tls", "ok", ["ACME Web Gateway"]),
        ("another key", coordinator(here, pin=["sha256//" + 43 * "A" + "="]), {}, "key", "fail", ["CN = quorate", "quorate probe token tokyo-1"]),
        ("proxy wants a user", coordinator(here, proxy=proxy), {}, "proxy", "fail", ["407", "proxy_password_file"]),
        ("wrong password", coordinator(here, proxy=user, proxy_password_file=wrong), {}, "proxy", "fail", ["407", "does not accept", wrong]),
        ("through the proxy", coordinator(here, proxy=user, proxy_password_file=right), {}, "proxy", "ok", ["coordinator.proxy", str(squid.port)]),
        ("proxy forbids", coordinator(f"10.77.0.1:{nobody}", proxy=user, proxy_password_file=right), {}, "proxy", "fail",
         ["403", f"CONNECT to 10.77.0.1:{nobody}", "443"]),
        ("no proxy there", coordinator(here, proxy=f"http://10.77.0.1:{nobody}"), {}, "proxy", "fail", ["coordinator.proxy", "none"]),
        ("environment's proxy", "", {"env": {"https_proxy": f"http://probe:correct-horse-battery@10.77.0.1:{squid.port}"}}, "proxy", "warn",
         ["https_proxy", "environment of its own", "coordinator: {proxy:"]),
        ("clock 30 s ahead", "", {"env": fake_clock(30)}, "clock", "warn", ["30.", "ahead of", "timedatectl"]),
        ("clock 120 s behind", "", {"env": fake_clock(-120)}, "clock", "fail", ["120.", "behind", "timedatectl", "certificates"]),
        ("no pings", "", {"prefix": ["setpriv", "--bounding-set", "-net_raw", "--"]}, "ping", "warn",
         ["sysctl -w net.ipv4.ping_group_range", "setcap cap_net_raw+ep", "AmbientCapabilities"]),
        ("few files", "", {"prefix": ["prlimit", "--nofile=256", "--"]}, "files", "warn", ["256", "LimitNOFILE="]),
        ("misspelt key", "alow: [10.0.0.0/8]\n", {}, "file", "fail", ["alow", "allow"]),
        ("everything allowed", 'allow: ["0.0.0.0/0"]\n', {}, "allow", "warn", ["every address", "metadata"]),
    ]
    site.firewall(f"ip daddr 10.77.0.3 drop")
    lab.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"  # of libfaketime

    def one(case):
        what, lines, options, *_ = case
        base = joined if not lines.startswith("allow") else joined.replace("allow: [127.0.0.0/8]\n", "")
        q = copy.copy(p)
        q.path = write(lab.file(what.replace(" ", "-") + ".yml"), base + lines)
        return doctor(q, **options)

    black_hole = ("black hole", coordinator("10.77.0.3:443"), {}, "tcp", "fail", ["no answer from 10.77.0.3:443", "coordinator.proxy"])
    pool = concurrent.futures.ThreadPoolExecutor(3)
    slow = pool.submit(one, black_hole)
    for case, (found, done) in zip(cases, pool.map(one, cases)):
        expect(case, found, done)
        check("correct-horse-battery" not in done.stdout + done.stderr, "the proxy's password was printed")

    os.chmod(p.token_file, 0o644)
    expect(("token", "", {}, "token", "fail", ["others", f"chmod 600 {p.token_file}", "quorate probe token tokyo-1"]), *doctor(p))
    os.chmod(p.token_file, 0o600)
    os.chmod(p.dir, 0o777)
    expect(("state", "", {}, "state", "fail", ["others", f"chmod 700 {p.dir}"]), *doctor(p))
    os.chmod(p.dir, 0o700)
    os.chmod(lab.dir, 0o755)
    found, done = doctor(p, prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"], env={"ASAN_OPTIONS": ""}, status=1)
    expect(("another user", "", {}, "state", "warn", ["cannot be looked into", "root"]), found, done)
    equal(lab.cli(c, "probe", "token", "tokyo-1").returncode, 0, "another token")
    expect(("revoked", "", {}, "token", "fail", ["unauthorized", "quorate probe token tokyo-1", "quorate-probe join"]), *doctor(p, status=2))
    stranger = Joined(lab, "stranger", prefix=site.prefix)
    expect(("not joined", "", {}, "joined", "fail", ["quorate probe add", "quorate-probe join"]), *doctor(stranger, status=2))
    write(lab.file("resolv.conf"), "nameserver 10.77.0.9\n")
    expect(("no name server", "", {}, "dns", "fail", ["10.77.0.9", "/etc/resolv.conf"]), *doctor(p, status=2))
    expect(black_hole, *slow.result())  # it took its time meanwhile
    check(slow.result()[1].seconds < 20, f"a black hole took {slow.result()[1].seconds:.0f} s")


test_doctor_faults.seconds = 18


def expect(case, found, done):
    what, _, _, step, mark, words = case
    text = " ".join(found.get((step, mark), []))
    check(text, f"{what}: no {mark} of {step} in {found}")
    for word in words:
        check(word in text, f"{what}: '{word}' is not in: {text}")
    worst = {"ok": 0, "note": 0, "warn": 1, "fail": 2}
    check(done.returncode >= worst[mark], f"{what}: exit status {done.returncode}")


def test_doctor_black_hole(lab):
    """Eight addresses by name and number, the name servers too, and nobody answers: it ends within 30 s and says so of each."""
    site = Network(lab).site("virginia")
    run("mount", "--bind", write(lab.file("resolv.conf"), "nameserver 10.77.0.3\nnameserver 10.77.0.4\n"), "/etc/resolv.conf")
    site.firewall("oifname != lo drop")
    p = Joined(lab, "tokyo-1", prefix=site.prefix, name="tokyo-1", coordinator=json.dumps(
        {"addresses": [x for i in range(4) for x in (f"10.77.0.{i + 3}:443", f"coordinator-{i}.example.net:443")], "proxy": "none"}))
    write(p.token_file, lab.secret("qpt_0123456789abcdef") + "\n", 0o600)
    found, done = doctor(p, status=2)  # it measures the time, too
    equal([len(found[step, "fail"]) for step in ("dns", "name", "tcp")], [2, 4, 4], f"what fails: {found}")
    print(f"    {done.seconds:.1f} s")


test_doctor_black_hole.seconds = 20
test_doctor_black_hole.long = 60
