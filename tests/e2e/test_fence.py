# SPDX-License-Identifier: MIT
"""What a probe's own file allows, what it announces, whom it serves; and a coordinator that wants more than that."""
import base64
import http.server
import json
import os
import signal
import socket
import struct
import threading

from lab import Probe, check, equal, free_port, read, stays, wait_for, write
from peers import Site
from test_join import Joined, add, door_coordinator, line_of, standing


def voters(coordinator, monitor):
    return {v["probe"] for v in coordinator.explain(monitor)["votes"]}


def refused(coordinator, path, *words, **monitor):
    """POST of MONITOR has to be refused at PATH with all WORDS."""
    body = {"interval": "1s", "timeout": "1s", "name": "refused", **monitor}
    answer = coordinator.api.call("POST", "/api/v1/monitors", body)
    equal(answer.status, 422, f"registering {body}: {answer}")
    error = answer.json["errors"][0]
    equal(error["path"], path, f"the place: {error}")
    for word in words:
        check(word in error["message"], f"no {word!r} in {error['message']!r}")


def test_announced_allow_list(lab):
    """A literal address goes to the probes whose files allow it; one that none allows is refused, also while they are away."""
    site = Site(lab, "inner")
    c = lab.coordinator().start()
    lab.regions(c, ["tokyo", "frankfurt"])
    open_probe = lab.probe(c, "tokyo-1", "tokyo").start()
    shut_probe = lab.probe(c, "frankfurt-1", "frankfurt", allow=[], ports=[443, "8000-8099"], methods=["GET"], min_interval="5s").start()
    lab.wait_connected(c, open_probe, shut_probe)
    shown = lab.cli(c, "probe", "show", "frankfurt-1").stdout
    for words in ("allow           public addresses only", "ports           443, 8000-8099", "methods         GET", "min_interval    5.0 s",
                  "per_destination 1000"):
        check(words in shown, f"no {words!r} in {shown}")
    target = site.url.split("//")[1].rstrip("/")
    m = c.api.must("POST", "/api/v1/monitors", {"name": "inner", "tcp": target, "interval": "1s", "timeout": "1s"})["id"]
    lab.wait_state(c, m, "up")
    equal(voters(c, m), {"tokyo-1"}, "the voters")
    equal([(r["probe"], r["why"]) for r in c.explain(m)["refusals"]], [("frankfurt-1", "checks no more often than every 5s")], "who refuses, and why")
    out = lab.cli(c, "explain", "inner").stdout
    check("refused by  frankfurt-1" in out.replace("refused by ", "refused by  ").replace("   ", "  "), f"explain says nothing of it: {out}")

    there = {"regions": ["frankfurt"], "interval": "5s"}
    refused(c, "target", "frankfurt-1 (frankfurt) may not contact 127.0.0.1", 'allow: ["127.0.0.1"]', tcp=target, **there)
    refused(c, "target", "frankfurt-1 (frankfurt) may not connect to port 22", 'ports: ["22"]', tcp="shop.example.com:22", **there)
    refused(c, "interval", "checks no more often than every 5s", tcp="shop.example.com:443", regions=["frankfurt"], interval="4s")
    refused(c, "request.method", "sends no HEAD", "methods: [HEAD]", http="https://shop.example.com/", request={"method": "HEAD"}, **there)
    done = lab.cli(c, "monitor", "add", "deep", "--tcp", target, "--region", "frankfurt", "--interval", "5s")
    check(done.returncode == 1 and "may not contact 127.0.0.1" in done.stderr, f"the command line: {done}")

    shut_probe.kill()
    c.stop()
    c.start()
    refused(c, "target", "frankfurt-1 (frankfurt) may not contact 127.0.0.1", tcp=target, **there)
    write(shut_probe.path, json.dumps({**shut_probe.conf, "allow": ["127.0.0.0/8"], "ports": [], "min_interval": "1s"}))
    shut_probe.start()
    wait_for(lambda: voters(c, m) == {"tokyo-1", "frankfurt-1"}, "the probe's new file to make it a voter")
    c.api.must("POST", "/api/v1/monitors", {"name": "deep", "tcp": target, **there})
    write(shut_probe.path, json.dumps({**shut_probe.conf, "types": ["ping"], "min_interval": "1s"}))
    shut_probe.signal(signal.SIGHUP)
    wait_for(lambda: voters(c, m) == {"tokyo-1"}, "SIGHUP to take it away again")
    refused(c, "type", "runs no checks of type tcp", tcp=target, **there)


test_announced_allow_list.seconds = 6


def as_key(lab, coordinator, organization, role="editor"):
    """The API as somebody of ORGANIZATION sees it."""
    done = lab.cli(coordinator, "key", "add", organization, "--role", role, "--org", organization)
    equal(done.returncode, 0, done.stderr)
    key = lab.secret(done.stdout.strip())
    return lambda method, path, body=None: coordinator.api.call(method, path, body, headers={"Authorization": f"Bearer {key}"}, key=None)


def test_private_probe(lab):
    """A private probe checks its organization's monitors only, knows so itself, never changes that, and others do not see it."""
    site = Site(lab, "site")
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo", "frankfurt"])
    equal(lab.cli(c, "region", "add", "vault", "--org", "acme").returncode, 0, "a private region")
    shared, private, inner = Joined(lab, "tokyo-1"), Joined(lab, "tokyo-acme"), Joined(lab, "vault-1")
    for p, line in ((shared, add(lab, c, "tokyo-1", "tokyo")), (private, add(lab, c, "tokyo-acme", "frankfurt", "--org", "acme")),
                    (inner, add(lab, c, "vault-1", "vault"))):
        text = line.strip().split(":", 1)[1]
        inside = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        equal(inside.get("organization"), None if p is shared else "acme", f"{p.name}'s join string")
        equal(p.join(line).returncode, 0, "join")
        p.token()
        p.start()
    lab.wait_connected(c, shared, private, inner)
    equal(json.loads(read(os.path.join(private.dir, "coordinator.json")))["organization"], "acme", "what the probe knows itself")
    equal(c.api.must("GET", "/api/v1/probes/tokyo-acme")["capabilities"]["organizations"], ["acme"], "and announced")

    target = site.url.split("//")[1].rstrip("/")
    add_monitor = lambda name, **more: c.api.must("POST", "/api/v1/monitors", {
        "name": name, "tcp": target, "interval": "1s", "timeout": "1s", **more})["id"]
    ours, theirs = add_monitor("everybody's"), add_monitor("acme's", organization="acme")
    deep = add_monitor("inside acme", organization="acme", regions=["vault"])
    wait_for(lambda: voters(c, ours) == {"tokyo-1"}, "the shared probe alone")
    wait_for(lambda: voters(c, theirs) == {"tokyo-1", "tokyo-acme"}, "the private one beside it, and no private region by '*'")
    wait_for(lambda: voters(c, deep) == {"vault-1"}, "the private region where it is named")
    lab.wait_state(c, theirs, "up")
    equal({v["probe"]: v.get("private_to") for v in c.explain(theirs)["votes"]}, {"tokyo-1": None, "tokyo-acme": "acme"}, "explain")
    check("tokyo-acme (acme)" in lab.cli(c, "explain", "acme's").stdout, "explain for people")
    row = [line for line in lab.cli(c, "probe", "list").stdout.splitlines() if line.startswith("tokyo-acme")][0]
    check(row.split()[2] == "acme", f"probe list: {row}")
    equal(c.status()["probes"]["private"], 2, "private probes in status")

    refused(c, "regions[0]", "'vault' is not a registered region", tcp=target, regions=["vault"])
    for options, words in ((("--org", "beta"), "private to 'acme', and stays so"), ((), "private to 'acme', and stays so")):
        done = lab.cli(c, "probe", "add", "tokyo-acme", "--region", "tokyo", *options)
        check(done.returncode == 1 and words in done.stderr, f"another organization for the same probe: {done}")
    write(private.path, read(private.path) + "organizations: [beta]\n")
    private.signal(signal.SIGHUP)
    wait_for(lambda: "organizations: 'acme' is missing" in private.text(), "the probe to refuse a file that contradicts its joining")

    beta, acme = as_key(lab, c, "beta"), as_key(lab, c, "acme")
    equal({p["name"] for p in beta("GET", "/api/v1/probes").json["items"]}, {"tokyo-1"}, "what beta sees of the probes")
    equal({p["name"] for p in acme("GET", "/api/v1/probes").json["items"]}, {"tokyo-1", "tokyo-acme", "vault-1"}, "what acme sees")
    equal({r["name"] for r in beta("GET", "/api/v1/regions").json["items"]}, {"tokyo", "frankfurt"}, "what beta sees of the regions")
    for path in ("/probes/tokyo-acme", "/regions/vault", f"/monitors/{theirs}", f"/monitors/{theirs}/explain", f"/monitors/{ours}/results"):
        equal(beta("GET", "/api/v1" + path).status, 404, f"beta and {path}")
    for method, path in (("GET", "/alerts"), ("GET", "/status"), ("POST", "/regions"), ("GET", "/secrets")):
        equal(beta(method, "/api/v1" + path, {"name": "x"} if method == "POST" else None).status, 403, f"beta and {method} {path}")
    equal(beta("DELETE", f"/api/v1/monitors/{ours}").status, 404, "beta removes a monitor of another")
    body = {"name": "beta's", "tcp": target, "interval": "1s", "timeout": "1s"}
    made = beta("POST", "/api/v1/monitors", body)
    equal((made.status, made.json["organization"]), (201, "beta"), "a monitor of beta's key is beta's")
    equal(beta("POST", "/api/v1/monitors", {**body, "name": "b2", "organization": "acme"}).status, 422, "or it is refused")
    wait_for(lambda: voters(c, made.json["id"]) == {"tokyo-1"}, "beta's monitor at the shared probe")


test_private_probe.seconds = 6


def test_probe_revoke(lab):
    """A revoked probe is cut within a second, its votes count no more, others get its seats; a new line lets it in again."""
    site = Site(lab, "site")
    c = door_coordinator(lab)
    lab.regions(c, ["tokyo"])
    one, two = Joined(lab, "tokyo-1"), Joined(lab, "tokyo-2")
    for p in (one, two):
        equal(p.join(add(lab, c, p.name, "tokyo")).returncode, 0, "join")
        p.token()
        p.start()
    lab.wait_connected(c, one, two)
    m = lab.monitor(c, "site", "http", site.url, quorum={"seats": 1})
    lab.wait_state(c, m, "up")
    first = voters(c, m).pop()
    victim, other = (one, two) if first == "tokyo-1" else (two, one)
    equal(lab.cli(c, "probe", "revoke", victim.name).returncode, 0, "revoke")
    wait_for(lambda: voters(c, m) == {other.name}, "the seat to go to the other", 1)
    equal(standing(c, victim.name), "revoked", "its standing")
    wait_for(lambda: "uplink.refused" in victim.text(), "the probe to be refused", 5)
    wait_for(lambda: all(v["fate"] == "counted" for v in c.explain(m)["votes"]), "the other's vote")
    line = line_of(lab, lab.cli(c, "probe", "token", victim.name))
    equal(victim.join(line).returncode, 0, "joining anew")
    victim.token()
    victim.stop()
    victim.start()
    wait_for(lambda: victim.text().count("new=open") == 2 and standing(c, victim.name) == "voting", "it to be in service again")


test_probe_revoke.seconds = 6

# ---- a coordinator that wants more than it may have

REP = b"\0SP\0\0\x31\0\0"


class Stolen:
    """Speaks the link on loopback, and orders what it likes: MONITORS, beside everything that might widen a bound."""

    def __init__(self, lab, monitors):
        self.monitors, self.hello, self.results = monitors, None, []
        self.ports = [self.listen(lab) for _ in range(2)]

    def listen(self, lab):
        server = socket.create_server(("127.0.0.1", 0))
        lab.closers.append(server.close)
        threading.Thread(target=self.serve, args=(server,), daemon=True).start()
        return server.getsockname()[1]

    def serve(self, server):
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection.makefile("rwb", buffering=0),), daemon=True).start()

    def talk(self, f):
        f.write(REP)
        f.read(8)
        try:
            while True:
                size, = struct.unpack(">Q", f.read(8))
                data = b""
                while len(data) < size:
                    data += f.read(size - len(data))
                answer = self.answer(json.loads(data[4:]))
                if answer is None:
                    continue
                text = json.dumps(answer).encode()
                f.write(struct.pack(">Q", len(text) + 4) + data[:4] + text)
        except (OSError, struct.error, TypeError):
            return

    def answer(self, message):
        wide = {"ipv4": True, "ipv6": True, "icmp": True, "types": [], "methods": [], "ports": [], "organizations": [],
                "allow": ["0.0.0.0/0", "::/0"], "min_interval_ms": 0, "per_second": 1000000, "per_destination": 1000000}
        if message["type"] == "hello":
            self.hello = message
            return {"type": "welcome", "session": "0" * 32, "probe_id": "01930000-0000-7000-8000-000000000001", "capabilities": wide, **wide}
        if message["type"] == "report":
            self.results += message.get("results", [])
            return {"type": "receipt", "status": "stored", "capabilities": wide, **wide}
        if message.get("revision", 0) > 0:
            return None  # held
        assign = [{"monitor": {**m, "capabilities": wide, **wide}, "assignment": 1, "next_in_ms": 0} for m in self.monitors]
        return {"type": "orders", "revision": 1, "reset": True, "complete": True, "assign": assign, "capabilities": wide, **wide}

    def reasons(self):
        return {r["monitor"][-2:]: (r.get("reason", "ok"), r.get("detail", "")) for r in list(self.results)}


def test_announced_bounds_hold(lab):
    """Orders cannot raise a bound: what the probe's file does not allow, it refuses by itself, and no packet leaves."""
    site, forbidden = Site(lab, "site"), socket.create_server(("127.0.0.1", 0))
    lab.closers.append(forbidden.close)
    forbidden.setblocking(False)
    good, bad = int(site.url.rstrip("/").rsplit(":", 1)[1]), forbidden.getsockname()[1]

    class Redirect(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{bad}/")
            self.end_headers()

        def log_message(self, *_):
            pass

    jump = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    lab.closers.append(jump.server_close)
    threading.Thread(target=jump.serve_forever, daemon=True).start()
    lab.closers.append(jump.shutdown)

    monitor = lambda n, kind, target, **more: {
        "id": f"01930000-0000-7000-8000-0000000000{n}", "revision": 1, "name": f"m{n}", "type": kind, "target": target, "organization": "acme",
        "interval": "1s", "timeout": "1s", "regions": ["*"], **more}
    stolen = Stolen(lab, [
        monitor(10, "tcp", f"127.0.0.1:{good}"),
        monitor(11, "tcp", f"127.0.0.1:{good}", organization="beta"),
        monitor(12, "tcp", f"127.0.0.1:{bad}"),
        monitor(13, "tcp", f"127.0.0.2:{good}"),
        monitor(14, "ping", "127.0.0.1"),
        monitor(15, "http", site.url, request={"method": "POST"}),
        monitor(16, "http", f"http://127.0.0.1:{jump.server_port}/", expect={"follow": 3}),
        monitor(17, "tcp", f"10.255.255.1:{good}"),
    ])
    link = {stream: f"tcp://127.0.0.1:{port}" for stream, port in zip(("report", "orders"), stolen.ports)}
    probe = Probe(lab, "tokyo-1", lab.secret("qpt_0123456789abcdef"), link, allow=["127.0.0.1"], ports=[good, jump.server_port],
                  types=["tcp", "http", "redirect"], methods=["GET"], organizations=["acme"], min_interval="2s").start()
    wait_for(lambda: len(stolen.reasons()) == 8, "a result of each")
    equal(stolen.hello["capabilities"]["ports"], [str(good), str(jump.server_port)], "what it announced")
    seen = stolen.reasons()
    equal(seen.pop("10")[0], "ok", "what is allowed is checked")
    for n, words in (("11", "serves other organizations only"), ("12", f"may not connect to port {bad}"), ("13", "may not contact 127.0.0.2"),
                     ("14", "runs no checks of type ping"), ("15", "sends no POST"), ("16", f"port {bad}, to which a redirect leads"),
                     ("17", "may not contact 10.255.255.1")):
        reason, detail = seen[n]
        check(reason == "internal.policy" and words in detail, f"{n}: expected {words!r}, found {reason}: {detail}")
    try:
        forbidden.accept()
        check(False, "something connected to the port that is not allowed")
    except BlockingIOError:
        pass
    before = len([r for r in stolen.results if r["monitor"].endswith("10")])
    stays(lambda: len([r for r in stolen.results if r["monitor"].endswith("10")]) <= before + 2, "the smallest interval of the file, 2 s", 2.5)
    check(probe.alive(), "the probe lives")


test_announced_bounds_hold.seconds = 5
