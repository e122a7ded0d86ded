# SPDX-License-Identifier: MIT
"""The API from outside: bad input is refused with reasons and nothing is stored; streams resume; health is told."""
import json
import re
import socket

from lab import Api, check, equal, wait_for
from peers import Receiver, Site, Stream

GOOD = {"name": "shop", "type": "http", "target": "https://shop.example.com/"}


def without(key):
    return {k: v for k, v in GOOD.items() if k != key}


BAD_MONITORS = [  # body, path of the error, words of its message
    ({**GOOD, "intervall": "60s"}, "intervall", "interval"),
    ({**GOOD, "expect": {"prot": "open"}}, "expect.prot", ""),
    ({**GOOD, "expect": {"port": "open"}}, "expect.port", "tcp"),
    ({**GOOD, "interval": 60}, "interval", "60s"),
    ({**GOOD, "interval": "60"}, "interval", "unit"),
    ({**GOOD, "interval": "0s"}, "interval", "1s"),
    ({**GOOD, "interval": "-5s"}, "interval", ""),
    ({**GOOD, "interval": "2000h"}, "interval", "1d"),
    ({**GOOD, "interval": "99999999999999999999s"}, "interval", ""),
    ({**GOOD, "interval": "5s", "timeout": "10s"}, "timeout", "interval"),
    ({**GOOD, "name": ""}, "name", ""),
    ({**GOOD, "name": "x" * 200}, "name", "128"),
    ({**GOOD, "name": 5}, "name", ""),
    (without("name"), "name", ""),
    (without("target"), "target", ""),
    (without("type"), "", ""),
    ({**GOOD, "type": "gopher"}, "type", "http"),
    ({**GOOD, "target": "ftp://example.com/"}, "target", "http"),
    ({**GOOD, "target": "javascript:alert(1)"}, "target", "http"),
    ({**GOOD, "target": "https://"}, "target", ""),
    ({**GOOD, "target": "https://user:pass@example.com/"}, "target", ""),
    ({**GOOD, "target": "https://example.com/" + "a" * 3000}, "target", ""),
    ({**GOOD, "target": "https://exa mple.com/"}, "target", ""),
    ({"name": "a", "type": "tcp", "target": "example.com"}, "target", "port"),
    ({"name": "a", "type": "tcp", "target": "example.com:99999"}, "target", "port"),
    ({"name": "a", "type": "ping", "target": "http://example.com/"}, "target", ""),
    ({**GOOD, "enabled": "yes"}, "enabled", "true"),
    ({**GOOD, "quorum": {"seats": 0}}, "quorum.seats", ""),
    ({**GOOD, "quorum": {"seats": 99}}, "quorum.seats", "15"),
    ({**GOOD, "quorum": {"seats": 3, "down": 4}}, "quorum", ""),
    ({**GOOD, "quorum": {"down": "most"}}, "quorum.down", "majority"),
    ({**GOOD, "regions": ["eu-centrall-1"]}, "regions", "eu-central-1"),
    ({**GOOD, "regions": "*", "labels": ["a"]}, "labels", ""),
    ({**GOOD, "expect": {"status": ["6xx"]}}, "expect.status", ""),
    ({**GOOD, "expect": {"status": [99]}}, "expect.status", ""),
    ({**GOOD, "expect": {"certificate_days": {"warning": "soon"}}}, "expect.certificate_days.warning", ""),
    ({**GOOD, "expect": []}, "expect", ""),
    ({**GOOD, "request": {"method": "BREW"}}, "request.method", "GET"),
    ({**GOOD, "request": {"headers": {"X-A": "a\r\nX-B: b"}}}, "request.headers", ""),
    ({**GOOD, "request": {"method": "POST", "body": "x" * 65537}}, "request.body", "65536"),
    ({**GOOD, "target": None}, "target", ""),
    ({**GOOD, "name": "a\u0000b"}, "", ""),
    ([GOOD], "", ""),
    ("shop", "", ""),
    (7, "", ""),
]
RAW = [  # raw bytes, acceptable statuses
    (b"", (400, 422)), (b"{", (400,)), (b'{"name": "a"', (400,)), (b"[1,2", (400,)), (b'{"name": "\xff\xfe"}', (400,)), (b"null", (400, 422)),
    (b'{"name": "a", "name": "b", "type": "http", "target": "http://example.com/"}', (400, 422)),
    (b'{"name": "a"} trailing', (400,)), (b"[" * 5000, (400,)), (b'{"a":' * 3000 + b"1" + b"}" * 3000, (400,)),
    (b'{"name": "' + b"a" * 300000 + b'"}', (413,)),
]


def problem(answer, status, what):
    """ANSWER has to be an RFC 9457 problem document with STATUS."""
    check(answer.status in (status if isinstance(status, tuple) else (status,)), f"{what}: {answer}")
    check(answer.headers.get("content-type", "").startswith("application/problem+json"), f"{what}: content type {answer.headers.get('content-type')}")
    document = answer.json
    check(document["status"] == answer.status and document["title"] and document["detail"], f"{what}: {document}")
    return document


def test_bad_input(lab):
    """Every kind of bad input is a 4xx that names field and value, and nothing is stored."""
    coordinator = lab.coordinator().start()
    lab.regions(coordinator)
    api = coordinator.api
    for body, path, words in BAD_MONITORS:
        document = problem(api.call("POST", "/api/v1/monitors", raw=json.dumps(body).encode()), (400, 413, 422), f"{str(body)[:100]}")
        if path:
            errors = document.get("errors", [])
            check([e for e in errors if e["path"].startswith(path) and words in e["message"]] or words in document["detail"] and path in document["detail"],
                  f"{str(body)[:160]}: expected {path} and {words!r}: {str(document)[:600]}")
    for raw, status in RAW:
        problem(api.call("POST", "/api/v1/monitors", raw=raw), status, f"{raw[:40]!r}")
    equal(api.items("/api/v1/monitors"), [], "monitors stored")

    made = api.must("POST", "/api/v1/monitors", GOOD)
    problem(api.call("POST", "/api/v1/monitors", GOOD), (409, 422), "the same name again")
    problem(api.call("PUT", f"/api/v1/monitors/{made['id']}", {**GOOD, "interval": "x"}), 422, "PUT")
    equal(api.must("GET", f"/api/v1/monitors/{made['id']}")["revision"], made["revision"], "revision after a refused PUT")
    nobody = "01930000-0000-7000-8000-000000000000"
    for method, path, status in (
        ("GET", f"/api/v1/monitors/{nobody}", 404), ("DELETE", f"/api/v1/monitors/{nobody}", 404), ("GET", "/api/v1/monitors/%00", (400, 404)),
        ("GET", "/api/v1/monitors/../../etc/passwd", (400, 404)), ("GET", f"/api/v1/alerts/{nobody}", 404), ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/monitors", 404), ("PATCH", "/api/v1/regions", (404, 405)), ("DELETE", "/api/v1/probes/nobody", 404),
        ("GET", "/api/v1/monitors?limit=0", (400, 422)), ("GET", "/api/v1/monitors?limit=x", (400, 422)), ("GET", "/api/v1/monitors?cursor=x", (400, 422)),
        ("GET", "/api/v1/alerts?state=broken", (400, 422)), ("GET", "/api/v1/monitors/" + "a" * 3000, (400, 404, 414)),
    ):
        problem(api.call(method, path), status, f"{method} {path[:60]}")
    problem(api.call("PUT", f"/api/v1/monitors/{nobody}", GOOD), 404, "PUT of an unknown id")
    for body, path in (({"name": "a-1"}, "region"), ({"name": "a-1", "region": "eu-centrl-1"}, "region"), ({"name": "", "region": "eu-central-1"}, "name"),
                       ({"name": "a-1", "region": "eu-central-1", "x": 1}, "x")):
        document = problem(api.call("POST", "/api/v1/probes", body), 422, str(body))
        check([e for e in document["errors"] if e["path"] == path], f"{body}: {document}")
    equal(api.items("/api/v1/probes"), [], "probes stored")
    equal(len(api.items("/api/v1/regions")), 3, "regions stored")


def test_keys(lab):
    """Missing, wrong and too weak keys; the unix socket; health without a key; nothing secret in answers."""
    coordinator = lab.coordinator().start()
    api = coordinator.api
    paths = ["/api/v1/monitors", "/api/v1/probes", "/api/v1/alerts", "/api/v1/alerts/stream", "/api/v1/status", "/api/v1/keys", "/api/v1/regions"]
    for path in paths:
        for key in (None, "", "qk_wrong", api.key + "x", api.key[:-1], "\u00e9".encode("utf-8").decode("latin-1")):
            document = problem(api.get(path, key=key), 401, f"{path} with key {key!r:.20}")
            check(api.key not in json.dumps(document), "the key is in the answer")
    for header in ("Basic " + api.key, "Bearer", "Bearer  ", api.key, "bearer"):
        problem(api.get("/api/v1/status", key=None, headers={"Authorization": header}), 401, f"Authorization: {header[:10]}")
    equal(api.get("/api/v1/status", key=None, headers={"Authorization": "bearer " + api.key}).status, 200, "the scheme's case does not matter")
    lab.regions(coordinator)
    for role, may_write, may_admin in (("viewer", False, False), ("editor", True, False), ("admin", True, True)):
        made = api.must("POST", "/api/v1/keys", {"name": f"key-{role}", "role": role})
        own = Api(coordinator.port, lab.secret(made["secret"]))
        equal(own.get("/api/v1/monitors").status, 200, f"{role} reads")
        answer = own.call("POST", "/api/v1/monitors", {**GOOD, "name": role})
        equal(answer.status // 100 == 2, may_write, f"{role} writes: {answer}")
        answer = own.call("POST", "/api/v1/keys", {"name": f"made-by-{role}", "role": "viewer"})
        equal(answer.status // 100 == 2, may_admin, f"{role} makes keys: {answer}")
        if may_admin:
            lab.secret(answer.json["secret"])
        elif answer.status // 100 != 2:
            problem(answer, 403, f"{role} makes keys")
    listing = api.get("/api/v1/keys").body.decode()
    for secret in lab.secrets:
        check(secret not in listing, "a secret is in the list of keys")
    check(not re.search(r"[0-9a-f]{64}", listing), f"hashes are in the list of keys: {listing}")
    check(not re.search(r"[0-9a-f]{64}|qpt_", api.get("/api/v1/probes").body.decode()), "hashes are in the list of probes")
    local = Api(key=api.key, socket_path=coordinator.conf["api"]["socket"])
    equal(local.get("/api/v1/status").status, 200, "over the unix socket")
    for path in ("/healthz", "/readyz"):
        equal(api.get(path, key=None).status, 200, path)
    problem(api.get("/metrics", key=None), 401, "metrics without a key")
    check(re.search(r"^quorate_\w+(\{.*\})? [0-9.e+-]+$", api.get("/metrics").body.decode(), re.M), "metrics in Prometheus' form")


def test_hostile_http(lab):
    """Requests that no honest client makes: cut, endless, smuggled, huge; the next honest one is answered."""
    coordinator = lab.coordinator().start()
    auth = b"Authorization: Bearer " + coordinator.api.key.encode() + b"\r\n"
    idle = []
    for data in (
        b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /healthz\r\n\r\n", b"\0" * 1000, b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X: " + b"y" * 200000 + b"\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
        b"POST /api/v1/monitors HTTP/1.1\r\n" + auth + b"Content-Length: 99999999999\r\n\r\n{",
        b"POST /api/v1/monitors HTTP/1.1\r\n" + auth + b"Content-Length: -1\r\n\r\n{}",
        b"POST /api/v1/monitors HTTP/1.1\r\n" + auth + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v1/monitors HTTP/1.1\r\n" + auth + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a", b"POST /api/v1/monitors HTTP/1.1\r\n" + auth + b"Content-Length: 100\r\n\r\n{",
    ):
        s = socket.create_connection(("127.0.0.1", coordinator.port), timeout=5)
        try:
            s.sendall(data)
        except OSError:
            pass
        idle.append(s)
    idle += [socket.create_connection(("127.0.0.1", coordinator.port), timeout=5) for _ in range(50)]
    equal(coordinator.api.get("/api/v1/status").status, 200, "an honest request")
    for s in idle:
        s.close()
    equal(coordinator.api.items("/api/v1/monitors"), [], "monitors")
    check(coordinator.alive(), "the coordinator runs")


def test_stream_resumes(lab):
    """A follower that comes back with Last-Event-ID misses nothing and sees nothing twice, also over a kill -9."""
    site = Site(lab)
    coordinator = lab.coordinator(channels=[Receiver(lab).channel]).start()
    lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    whole, part = Stream(coordinator), Stream(coordinator)
    site.down()
    opened = part.wait("the opening", lambda e: e[1] == "alert.opened")
    part.close()
    site.up()
    whole.wait("the close", lambda e: e[1] == "alert.closed")
    resumed = Stream(coordinator, last_id=opened[0])
    closed = resumed.wait("the close", lambda e: e[1] == "alert.closed", 5)
    equal([e[0] for e in resumed.events], [e[0] for e in whole.events if e[0] > opened[0]], "ids after the resumption")
    equal(Stream(coordinator, last_id=0).wait("everything", lambda e: e[0] == opened[0], 5)[2], opened[2], "the first event again")
    coordinator.kill()
    coordinator.start()
    later = Stream(coordinator, last_id=opened[0])
    equal(later.wait("the close after a crash", lambda e: e[0] == closed[0], 5)[2], closed[2], "the event after the crash")
    lab.wait_settled(coordinator)
    site.down()
    again = later.wait("a new opening", lambda e: e[1] == "alert.opened")
    check(again[0] > closed[0], "ids only grow")
    equal(len({e[0] for e in later.events}), len(later.events), "no event twice")
    for last in ("x", "-1", "99999999999999999999"):
        answer = coordinator.api.get("/api/v1/alerts/stream", headers={"Last-Event-ID": last}, timeout=1) if last == "x" else None
        check(answer is None or answer.status in (400, 422), f"Last-Event-ID {last}: {answer}")


def test_stream_survives_slow_readers(lab):
    """Fifty followers that never read do not disturb the others."""
    site = Site(lab)
    coordinator = lab.coordinator().start()
    lab.trio(coordinator)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    stuck = []
    for _ in range(50):
        s = socket.create_connection(("127.0.0.1", coordinator.port), timeout=5)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        s.sendall(b"GET /api/v1/alerts/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + coordinator.api.key.encode() + b"\r\n\r\n")
        stuck.append(s)
    stream = wait_for(lambda: Stream(coordinator), "a stream of our own", 5)
    site.down()
    stream.wait("the alert", lambda e: e[1] == "alert.opened")
    for s in stuck:
        s.close()
    site.up()
    stream.wait("the close", lambda e: e[1] == "alert.closed")


for test, seconds in ((test_stream_resumes, 35), (test_stream_survives_slow_readers, 20), (test_bad_input, 6), (test_keys, 5)):
    test.seconds = seconds
