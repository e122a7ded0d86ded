# SPDX-License-Identifier: MIT
"""`quorate-probe check`: real servers, seen by people, by programs, and beside the plugins that Nagios users have."""
import json
import os
import re
import signal
import socket
import subprocess
import time

from lab import BUILD, PEERS, check, equal, free_port, write
from peers import Nginx, certificates, server

PROGRAM = os.path.join(BUILD, "quorate-probe")
NUMBER = r"-?\d+(?:\.\d+)?"
RANGE = rf"@?(?:(?:~|{NUMBER})?:)?(?:{NUMBER})?"
PERFDATA = re.compile(rf"(?:'((?:[^'=]|'')+)'|([^\s'=]+))=({NUMBER})(s|ms|us|%|B|c)?(?:;({RANGE}))?(?:;({RANGE}))?(?:;({NUMBER})?)?(?:;({NUMBER})?)?")
STATES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}


def plugin(done):
    """A plugin's output by the Monitoring Plugins Development Guidelines: its perfdata as label -> (value, unit, warning, critical, most)."""
    first, *_ = done.stdout.splitlines()
    text, _, perfdata = first.partition("|")
    state = re.match(r"[A-Z]+ (OK|WARNING|CRITICAL|UNKNOWN)\b", text)
    check(state or done.returncode == 2, f"no state in {done}")  # check_tcp says none when it is refused
    if state:
        equal(STATES[state[1]], done.returncode, f"exit status of {first!r}")
    values, rest = {}, perfdata.strip()
    while rest:
        m = PERFDATA.match(rest)
        check(m and (m.end() == len(rest) or rest[m.end()] == " "), f"no performance data: {rest!r} in {first!r}")
        quoted, plain, value, unit, warning, critical, _, most = m.groups()
        values[(quoted or plain).replace("''", "'")] = float(value), unit, warning or None, critical or None, most
        rest = rest[m.end():].strip()
    return values


class Checks:
    """Runs the program; each test has one."""

    def __init__(self, lab, **conf):
        self.lab = lab
        self.conf = write(lab.file("probe.yml"), json.dumps({"state_dir": lab.dir, "per_destination": 1000, **conf}))
        self.env = {**lab.env, "SSL_CERT_FILE": certificates(lab)[0]}

    def run(self, *words, status, conf=None, input=None):
        done = subprocess.run([PROGRAM, "check", "-c", conf or self.conf, *words], env=self.env, capture_output=True, text=True, timeout=30,
                              input=input)
        equal(done.returncode, status, f"exit status of check {' '.join(words)}: {done.stdout}{done.stderr}")
        return done

    def result(self, *words, status):
        done = self.run("-o", "ndjson", *words, status=status)
        equal(done.stderr, "", "standard error")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def plugin(self, *words, status):
        return plugin(self.run("-o", "nagios", *words, status=status))


def sites(lab):
    """nginx on 127.0.0.1, with a certificate for localhost: the ports of http and https."""
    http, https = free_port(), free_port()
    _, cert, key = certificates(lab)
    body = ('location / { return 200 "a shop"; } location /500 { return 500; } location /old { return 301 /new; }'
            f' location /new {{ return 302 https://localhost:{https}/; }} location /loop {{ return 302 /loop; }}')
    Nginx(lab, "nginx", [server(f"127.0.0.1:{http}", body), server(f"127.0.0.1:{https}", body, (cert, key))]).start(
        ("127.0.0.1", http), ("127.0.0.1", https))
    return http, https


def test_check_command(lab):
    """URLs, redirects, certificates, ports and pings; a file; exit statuses; the address policy; people, NDJSON, interrupted runs."""
    http, https = sites(lab)
    closed = free_port()
    c = Checks(lab, allow=["127.0.0.0/8"])

    text = c.run(f"https://localhost:{https}/", status=0).stdout
    for part in (f"UP           http https://localhost:{https}/", "status 200", "name lookup", "TLS  ", "first byte",
                 "█", "certificate  CN", "89 days left", "TLS version  TLSv1."):
        check(part in text, f"{part!r} is not in\n{text}")
    check("\x1b" not in text, "colours in a pipe")

    r, = c.result("redirect", f"http://localhost:{http}/old", status=0)
    equal([(h["status"], h["url"].rsplit(":", 1)[1]) for h in r["hops"]], [(301, f"{http}/old"), (302, f"{http}/new"), (200, f"{https}/")], "hops")
    equal((r["verdict"], r["reason"], r["status"], r["type"], r["certificate"]["days"]), ("up", "ok", 200, "redirect", 89), "result")
    check(set(r["phases"]) == {"resolve_us", "connect_us", "tls_us", "first_byte_us", "transfer_us", "total_us"}, f"phases: {r['phases']}")
    total = sum(v for k, v in r["phases"].items() if k != "total_us")
    check(0 < total <= r["phases"]["total_us"], f"the phases' sum and the total: {r['phases']}")

    for words, status, reason in (
        ([f"http://localhost:{http}/500"], 2, "http.status"),
        ([f"http://localhost:{http}/500", "--status", "2xx,500"], 0, "ok"),
        ([f"http://localhost:{http}/", "--body-contains", "school"], 2, "content.missing"),
        (["redirect", f"http://localhost:{http}/loop"], 2, "http.redirect_loop"),
        (["redirect", f"http://localhost:{http}/old", "--max-hops", "1"], 2, "http.too_many_redirects"),
        ([f"https://127.0.0.2:{https}/"], 2, "tcp.refused"),
        ([f"http://localhost:{https}/"], 2, "http.status"),  # "plain HTTP to an HTTPS port", says nginx
        ([f"https://localhost:{http}/"], 2, "tls.not_tls"),
        ([f"https://localhost:{https}/", "--certificate-days-warning", "100"], 1, "tls.expires_soon"),
        (["tcp", f"localhost:{closed}"], 2, "tcp.refused"),
        (["tcp", f"localhost:{closed}", "--expect", "closed"], 0, "ok"),
        (["tcp", f"localhost:{http}", "--expect", "closed"], 2, "tcp.open"),
        (["ping", "127.0.0.1", "--packets", "3", "--packet-interval", "20ms"], 0, "ok"),
        (["tcp", "10.1.2.3:80"], 3, "internal.policy"),
        (["tcp", "10.1.2.3:80", "--allow", "10.0.0.0/8", "--timeout", "1s"], 3, "internal.network"),  # here is no way to it
    ):
        r, = c.result(*words, status=status)
        equal(r["reason"], reason, f"reason of {words}: {r}")
    r, = c.result("ping", "127.0.0.1", "--packets", "2", "--packet-interval", "20ms", status=0)
    equal((r["ping"]["sent"], r["ping"]["received"]), (2, 2), "pings")
    c.env["SSL_CERT_FILE"] = certificates(lab)[1]  # not the CA
    lab_ca = c.result(f"https://127.0.0.1:{https}/", "--allow", "127.0.0.1", status=0)[0]  # a trusted server certificate will do
    equal(lab_ca["certificate"]["days"], 89, "days")
    c.env["SSL_CERT_FILE"] = "/etc/ssl/certs/ca-certificates.crt"
    r, = c.result(f"https://localhost:{https}/", status=2)
    equal((r["reason"], r["certificate"]["days"]), ("tls.unknown_issuer", 89), "an unknown issuer, and its certificate's facts")
    equal(c.result(f"https://localhost:{https}/", "--no-verify", status=0)[0]["reason"], "ok", "without verification")
    c.env["SSL_CERT_FILE"] = certificates(lab)[0]

    # what the local file forbids is not allowed by what an earlier run allowed; nothing is connected meanwhile
    bare = write(lab.file("bare.yml"), json.dumps({"state_dir": lab.dir}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        word = f"127.0.0.1:{listener.getsockname()[1]}"
        c.run("tcp", word, "--allow", "127.0.0.0/8", conf=bare, status=0)
        listener.accept()[0].close()
        for words, status in ((["tcp", word], 3), (["tcp", word.replace("127.0.0.1", "localhost")], 2), ([f"http://{word}/"], 3)):
            c.run(*words, conf=bare, status=status)
        try:
            listener.accept()
            check(False, "a forbidden address was connected")
        except BlockingIOError:
            pass

    # a file of monitors, from standard input too
    text = json.dumps({"organization": "acme", "defaults": {"regions": ["tokyo"], "timeout": "2s"}, "monitors": [
        {"name": f"shop {i}", "http": f"http://localhost:{http}/", "expect": {"body_contains": "shop"}} for i in range(40)] + [
        {"name": "vault", "tcp": f"localhost:{http}", "expect": {"port": "closed"}}, {"name": "later", "ping": "127.0.0.1", "enabled": False}]})
    path = write(lab.file("monitors.yml"), text)
    found = c.result("-f", path, "--concurrency", "10", status=2)
    equal((len(found), sorted({r["verdict"] for r in found})), (41, ["down", "up"]), "results of a file")
    equal(sorted(r["sequence"] for r in found), list(range(1, 42)), "their numbers")
    equal(json.loads(c.run("-o", "ndjson", "-f", "-", "vault", status=2, input=text).stdout)["name"], "vault", "one by its name")
    lines = c.run("-f", path, status=2).stdout.splitlines()
    check(re.fullmatch(r"41 checks: 40 up, 1 down; [\d.]+ / [\d.]+ / [\d.]+ ms \(shortest, average, longest of those up\)", lines[-1]), lines[-1])
    wrong = c.run("-f", write(lab.file("wrong.yml"), "monitors:\n- name: x\n  tcp: a:1\n  expect: {prt: closed}\n"), status=3)
    check("wrong.yml:4:" in wrong.stderr and "did you mean 'port'?" in wrong.stderr, f"a mistake in a file: {wrong.stderr}")

    # interrupted, it says what it found; when nobody reads on, it ends
    for stop in (lambda p: p.send_signal(signal.SIGINT), lambda p: p.stdout.close()):
        p = subprocess.Popen([PROGRAM, "check", "-c", c.conf, "-o", "ndjson", "tcp", f"localhost:{http}", "--count", "1000", "--interval", "100ms"],
                             env=c.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        equal(json.loads(p.stdout.readline())["verdict"], "up", "the first line, as it came")
        began = time.monotonic()
        stop(p)
        p.wait(10)
        check(time.monotonic() - began < 3, "it went on")
        equal((p.returncode, p.stderr.read()), (0, ""), "exit status and words at the end")


test_check_command.seconds = 4


def test_check_plugin(lab):
    """-o nagios beside Debian's check_http and check_tcp on the same servers: states, labels, units, thresholds, and the form of it all."""
    http, https = sites(lab)
    closed = free_port()
    c = Checks(lab, allow=["127.0.0.0/8"])

    def theirs(name, *words):
        return subprocess.run([os.path.join(PEERS, name), *words], capture_output=True, text=True, timeout=20)

    limits = ["--response-time-warning", "1s", "--response-time-critical", "2s"]
    for ours, other in (
        ([f"http://localhost:{http}/", *limits], ("check_http", "-H", "localhost", "-p", str(http), "-E", "-w", "1", "-c", "2")),
        ([f"https://localhost:{https}/", *limits], ("check_http", "-H", "localhost", "-p", str(https), "-S", "-E", "-w", "1", "-c", "2")),
        ([f"http://localhost:{http}/500"], ("check_http", "-H", "localhost", "-p", str(http), "-u", "/500")),
        ([f"http://localhost:{http}/", "--body-contains", "school"], ("check_http", "-H", "localhost", "-p", str(http), "-s", "school")),
        (["tcp", f"localhost:{http}", *limits], ("check_tcp", "-H", "localhost", "-p", str(http), "-w", "1", "-c", "2")),
        (["tcp", f"localhost:{closed}"], ("check_tcp", "-H", "localhost", "-p", str(closed))),
        ([f"http://localhost:{http}/", "--status", "404"], ("check_http", "-H", "localhost", "-p", str(http), "-e", "404")),
    ):
        other = theirs(*other)
        mine, reference = c.plugin(*ours, status=other.returncode), plugin(other)
        for label, (_, unit, warning, critical, most) in reference.items():
            if label == "time_headers":
                continue  # sending the request is no phase of ours
            check(label in mine, f"{label} is missing in {mine}, which {other.stdout!r} has")
            equal(mine[label][1:], (unit, warning, critical, most), f"{label} of {ours} beside {other.stdout!r}")
    mine = c.plugin(f"https://localhost:{https}/", "--certificate-days-critical", "95", "--certificate-days-warning", "99", status=2)
    equal(mine["certificate_days"], (89.0, None, "@~:99", "@~:95", None), "days")
    mine = c.plugin("ping", "127.0.0.1", "--packets", "2", "--packet-interval", "10ms", "--loss-warning", "40%", "--loss-critical", "80%", status=0)
    equal((mine["pl"][:4], mine["rta"][1]), ((0.0, "%", "40", "80"), "ms"), "a ping, as check_icmp has it")
    equal(c.plugin("tcp", "10.1.2.3:1", status=3), {}, "what could not be checked")
    equal(c.plugin("tcp", "localhost", status=3), {}, "a wrong target")
    path = write(lab.file("monitors.yml"), json.dumps({"monitors": [
        {"name": "it's | open", "tcp": f"localhost:{http}"}, {"name": "closed", "tcp": f"localhost:{closed}"}]}))
    mine = c.plugin("-f", path, status=2)
    check({"it's _ open::time", "it's _ open::time_connect"} <= set(mine), f"labels of several: {mine}")


test_check_plugin.seconds = 2
