# SPDX-License-Identifier: MIT
"""The main job: real checks of a real server, votes, one alert, its close."""
import json
import os
import re

from lab import check, equal, free_port, stays, wait_for, write
from peers import Nginx, Receiver, Site, Stream, certificates, server


def test_path(lab):
    """Ping, tcp, http, https and redirect are UP by quorum; the http server stops: one alert with evidence, and its close."""
    ca, cert, key = certificates(lab)
    shop = Site(lab, "shop")
    tls, entrance = free_port(), free_port()
    Nginx(lab, "front", [
        server(f"127.0.0.1:{entrance}", f"return 301 https://localhost:{tls}/welcome;"),
        server(f"127.0.0.1:{tls}", 'location / { return 200 "welcome\\n"; }', tls=(cert, key)),
    ]).start(("127.0.0.1", tls), ("127.0.0.1", entrance))
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator, env={"SSL_CERT_FILE": ca})
    stream = Stream(coordinator)
    shop_id = lab.monitor(coordinator, "shop", "http", shop.url, expect={"body_contains": "shop"}, service="shop", labels={"tier": "gold"})
    others = {
        "host": lab.monitor(coordinator, "host", "ping", "127.0.0.1", request={"packets": 2, "packet_interval": "50ms"}),
        "port": lab.monitor(coordinator, "port", "tcp", f"127.0.0.1:{tls}"),
        "closed": lab.monitor(coordinator, "closed", "tcp", f"127.0.0.1:{free_port()}", expect={"port": "closed"}),
        "https": lab.monitor(coordinator, "https", "http", f"https://localhost:{tls}/", expect={"certificate_days": {"warning": 30, "critical": 7}}),
        "entrance": lab.monitor(coordinator, "entrance", "redirect", f"http://127.0.0.1:{entrance}/", expect={
            "hops": [{"status": 301, "location": f"https://localhost:{tls}/welcome"}], "final_status": 200}),
    }
    for monitor in (shop_id, *others.values()):
        lab.wait_state(coordinator, monitor, "up")
    for name, monitor in others.items():
        votes = coordinator.explain(monitor)["votes"]
        equal({v["region"] for v in votes}, {"ap-northeast-1", "eu-central-1", "us-east-1"}, f"regions that vote on {name}")
    lab.wait_settled(coordinator)
    equal(coordinator.alerts(), [], "alerts of a system in which all is well")

    shop.down()
    opened = receiver.wait("the alert", 15, type="alert.opened")
    alert = opened.alert
    equal((alert["kind"], alert["severity"], alert["state"]), ("down", "critical", "open"), "the alert")
    equal({k: alert["monitor"][k] for k in ("id", "name", "type", "target", "service")},
          {"id": shop_id, "name": "shop", "type": "http", "target": shop.url, "service": "shop"}, "its monitor")
    equal(alert["reason"]["code"], "tcp.refused", "its reason")
    equal(alert["labels"], {"tier": "gold"}, "its labels")
    equal((alert["quorum"]["seats"], alert["quorum"]["down"], alert["quorum"]["up"]), (3, 2, 2), "its rule")
    check(alert["quorum"]["counted"]["down"] >= 2, f"the votes counted: {alert['quorum']}")
    equal(len(alert["votes"]), 3, "its votes")
    check(alert["case"] in alert["url"], f"the link leads to the case: {alert['url']}")
    check(alert["started_at"] <= alert["opened_at"], "it started before it opened")
    event = stream.wait("the alert", lambda e: e[1] == "alert.opened", 5)
    equal(event[2]["data"]["id"], alert["id"], "the stream's alert")
    equal(coordinator.state(shop_id), "down", "state")

    shop.up()
    closed = receiver.wait("the close", 15, type="alert.closed")
    equal((closed.alert["id"], closed.alert["state"]), (alert["id"], "closed"), "the closed alert")
    stays(lambda: len(receiver.messages()) == 2, "one alert, one close, nothing else", 2)
    equal(receiver.problems, [], "signatures")
    for monitor in others.values():
        equal(coordinator.state(monitor), "up", "the others")


test_path.seconds = 30


def test_reasons(lab):
    """What is wrong is said as what it is: status, body, certificate name, redirect loop, port open that must be closed."""
    ca, cert, key = certificates(lab, days=5)
    port, tls = free_port(), free_port()
    Nginx(lab, "web", [
        server(f"127.0.0.1:{port}", 'location /missing { return 404 "no"; } location /loop { return 302 /loop; } location / { return 200 "hello"; }'
               f' location /down {{ return 301 http://127.0.0.1:{port}/; }}'),
        server(f"127.0.0.1:{tls}", f"location /insecure {{ return 302 http://127.0.0.1:{port}/; }} location / {{ return 200 hello; }}", tls=(cert, key)),
    ]).start(("127.0.0.1", port), ("127.0.0.1", tls))
    coordinator = lab.coordinator().start()
    lab.trio(coordinator, env={"SSL_CERT_FILE": ca})
    base = f"http://127.0.0.1:{port}"
    cases = [  # name, type, target, expect, reason, state
        ("status", "http", base + "/missing", {}, "http.status", "down"),
        ("status wanted", "http", base + "/missing", {"status": [404]}, "ok", "up"),
        ("body", "http", base + "/", {"body_contains": "Add to cart"}, "content.missing", "down"),
        ("loop", "redirect", base + "/loop", {}, "http.redirect_loop", "down"),
        ("hop", "redirect", base + "/down", {"hops": [{"status": 302}]}, "http.redirect_hop", "down"),
        ("downgrade", "redirect", f"https://localhost:{tls}/insecure", {}, "http.redirect_downgrade", "down"),
        ("open", "tcp", f"127.0.0.1:{port}", {"port": "closed"}, "tcp.open", "down"),
        ("certificate", "http", f"https://localhost:{tls}/", {"certificate_days": {"warning": 21, "critical": 2}}, "tls.expires_soon", "degraded"),
    ]
    ids = {c[0]: lab.monitor(coordinator, c[0], c[1], c[2], **({"expect": c[3]} if c[3] else {})) for c in cases}
    ids["wrong name"] = lab.monitor(coordinator, "wrong name", "http", f"https://127.0.0.2:{tls}/")
    for name, _, _, _, reason, state in cases:
        lab.wait_state(coordinator, ids[name], state)
        reasons = lambda: [v["reason"] for v in coordinator.explain(ids[name])["votes"]]
        wait_for(lambda: None not in reasons(), f"three votes on {name}", 5)
        equal(set(reasons()), {reason}, f"reasons of {name}")


test_reasons.seconds = 15


def test_values(lab):
    """What a site tells of itself in JSON: a wrong value is down, a number is a metric and, above its threshold, an alert of kind value."""
    health = lab.file("health.json")
    port = free_port()

    def tell(**values):
        write(health + ".new", json.dumps(values))
        os.rename(health + ".new", health)

    tell(status="ok", queue=7)
    Nginx(lab, "web", [server(f"127.0.0.1:{port}", f"root {os.path.dirname(health)}; add_header Cache-Control no-store;")]).start(("127.0.0.1", port))
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator)
    url = f"http://127.0.0.1:{port}/health.json"
    status = lab.monitor(coordinator, "status", "http", url, expect={
        "json": [{"pointer": "/status", "equals": "ok"}], "headers": [{"name": "Cache-Control", "matches": "no-store"}]})
    queue = lab.monitor(coordinator, "queue", "http", url, expect={"value": {"json": "/queue", "above": {"warning": 10, "critical": 100}}})
    for monitor in (status, queue):
        lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    numbers = lambda: re.findall(rb'quorate_value{monitor="queue".*} (.*)', coordinator.api.call("GET", "/metrics").body)
    wait_for(lambda: numbers() == [b"7"] * 3, "the metric of three probes", 5)

    tell(status="ok", queue=42)
    alert = receiver.wait("the alert", 20, type="alert.opened").alert
    equal((alert["kind"], alert["severity"], alert["monitor"]["id"]), ("value", "warning", queue), "the alert")
    equal((alert["reason"]["code"], alert["observed"]["value"]), ("content.value", 42), "its reason and evidence")
    equal((coordinator.state(queue), coordinator.state(status)), ("degraded", "up"), "states")

    tell(status="broken", queue=7)
    equal(receiver.wait("the close", 20, type="alert.closed").alert["id"], alert["id"], "the closed alert")
    lab.wait_state(coordinator, status, "down")
    equal({v["reason"] for v in coordinator.explain(status)["votes"]}, {"content.json"}, "reasons")


test_values.seconds = 20


def test_check_proxy(lab):
    """A monitor names a proxy: only probes whose own file has one of that name check it, and through that."""
    port, by = free_port(), free_port()
    Nginx(lab, "web", [
        server(f"127.0.0.1:{port}", 'location / { return 200 "welcome"; }'),
        server(f"127.0.0.1:{by}", "location / { add_header X-By proxy; proxy_pass http://$http_host$request_uri; }"),
    ]).start(("127.0.0.1", port), ("127.0.0.1", by))
    coordinator = lab.coordinator().start()
    lab.trio(coordinator)
    monitor = {"name": "inner", "type": "http", "target": f"http://127.0.0.1:{port}/", "interval": "1s", "timeout": "1s",
               "request": {"proxy": "dmz"}, "expect": {"headers": [{"name": "X-By", "equals": "proxy"}]}}
    refused = coordinator.api.call("POST", "/api/v1/monitors", monitor)
    equal(refused.status, 422, f"a proxy that nobody knows: {refused}")
    check(b"knows no proxy 'dmz'" in refused.body, f"the reason: {refused}")
    lab.wait_connected(coordinator, *[
        lab.probe(coordinator, f"inside-{i}", region, proxies={"dmz": f"http://127.0.0.1:{by}"}).start()
        for i, region in enumerate(("eu-central-1", "us-east-1", "ap-northeast-1"))])
    id = coordinator.api.must("POST", "/api/v1/monitors", monitor)["id"]
    lab.wait_state(coordinator, id, "up")
    votes = coordinator.explain(id)["votes"]
    equal({v["probe"] for v in votes}, {"inside-0", "inside-1", "inside-2"}, "who votes")


test_check_proxy.seconds = 10
