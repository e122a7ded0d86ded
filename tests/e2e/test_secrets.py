# SPDX-License-Identifier: MIT
"""Secrets: they reach the voters of the monitors that name them, and nobody and nothing else."""
import json
import os
import secrets
import time

from lab import REGIONS, check, equal, free_port, wait_for
from peers import Nginx, Receiver, Stream, server

QUORUM = {"seats": 2, "rounds": 2, "gap": "500ms"}


def gate(lab, *tokens):
    """nginx whose /N wants tokens[N], says at /echo what it was sent, and repeats it in a redirect at /jump."""
    port = free_port()
    where = f"127.0.0.1:{port}"
    doors = [f'location /{n} {{ if ($http_authorization != "Bearer {t}") {{ return 401 "who is there?"; }} return 200 "welcome"; }}'
             for n, t in enumerate(tokens)]
    doors += ['location = /echo { return 500 "sent: $http_authorization, $http_cookie"; }',
              f'location = /jump {{ return 302 http://{where}/to/$http_x_door?sent=$http_authorization; }}',
              'location /to { return 500 "nothing here"; }']
    site = Nginx(lab, "gate", [server(where, "\n    ".join(doors))])
    site.start(("127.0.0.1", port))
    return f"http://{where}"


def set_secret(lab, coordinator, name, value):
    done = lab.cli(coordinator, "secret", "set", name, input=value + "\n")
    equal(done.returncode, 0, f"exit status of secret set ({done.stderr})")
    check(value not in done.stdout + done.stderr, "secret set shows the value")
    return done


def in_memory(pid, text):
    """Whether TEXT is anywhere in the memory that the process can write."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place, mode = line.split()[:2]
            begin, end = (int(x, 16) for x in place.split("-"))
            if not mode.startswith("rw") or end - begin > 1 << 30:  # the sanitizer's shadow is no memory of the program's
                continue
            try:
                memory.seek(begin)
                if text.encode() in memory.read(end - begin):
                    return True
            except (OSError, ValueError, OverflowError):
                pass
    return False


def on_disk(folder, text):
    """The files below FOLDER that hold TEXT."""
    found = []
    for path, _, names in os.walk(folder):
        for name in (n for n in names if os.path.isfile(os.path.join(path, n))):
            with open(os.path.join(path, name), "rb") as f:
                found += [name] if text.encode() in f.read() else []
    return found


def test_secret_reaches_voters_only(lab):
    """A real site lets the voters in; the value is in their memory alone, on no disk, in no log, and survives a restart."""
    old, new = lab.secret(secrets.token_hex(20)), lab.secret(secrets.token_hex(20))
    coordinator = lab.coordinator().start()
    url = gate(lab, old, new)
    tokyo, frankfurt, virginia = probes = lab.trio(coordinator)
    set_secret(lab, coordinator, "acme/shop-token", "Bearer " + old)
    named = {"regions": [REGIONS["tokyo"], REGIONS["frankfurt"]], "quorum": QUORUM,
             "request": {"headers": {"Authorization": {"secret": "acme/shop-token"}}}, "organization": "acme"}
    shop = lab.monitor(coordinator, "shop", "http", url + "/0", **named)
    later = lab.monitor(coordinator, "later", "http", url + "/1", **named)
    everybody = lab.monitor(coordinator, "everybody", "http", url + "/0", expect={"status": [401]})
    for monitor, state in ((shop, "up"), (later, "down"), (everybody, "up")):
        lab.wait_state(coordinator, monitor, state, 60)
    voters = {v["probe"] for v in coordinator.explain(shop)["votes"]}
    equal(voters, {"tokyo-1", "frankfurt-1"}, "voters of the monitor with a secret")

    def nowhere(value):
        for place in (*probes, coordinator):
            equal(on_disk(place.dir, value), [], f"files of {place.name} with the value in them")
            check(value not in place.text(), f"the value is in the log of {place.name}")
            check(value not in open(f"/proc/{place.pid}/cmdline").read(), f"the value is on the command line of {place.name}")
        for probe in (tokyo, frankfurt):
            check(in_memory(probe.pid, value), f"the value is not in the memory of {probe.name}: this test sees nothing")
        check(not in_memory(virginia.pid, value), "the value is in the memory of a probe that does not vote")

    nowhere(old)

    # another value: the voters have it at once, and the monitor is what it was
    before = coordinator.api.must("GET", f"/api/v1/monitors/{later}")["revision"]
    began = time.monotonic()
    set_secret(lab, coordinator, "acme/shop-token", "Bearer " + new)
    wait_for(lambda: {v["verdict"] for v in coordinator.explain(later)["votes"]} == {"up"}, "votes made with the new value", 10)
    took = time.monotonic() - began
    check(took < 5, f"the new value took {took:.1f} s to make new votes at an interval of 1 s")
    equal(coordinator.api.must("GET", f"/api/v1/monitors/{later}")["revision"], before, "revision of the monitor")
    lab.wait_state(coordinator, later, "up")
    lab.wait_state(coordinator, shop, "down")
    nowhere(new)

    # cut: results go to the spool; then the coordinator knows the value again from its sealed store
    coordinator.kill()
    wait_for(lambda: all(os.path.exists(os.path.join(p.dir, "spool")) and
                         sum(e.stat().st_size for e in os.scandir(os.path.join(p.dir, "spool"))) > 400 for p in (tokyo, frankfurt)),
             "results in the spool", 15)
    for probe in probes:
        equal(on_disk(probe.dir, new) + on_disk(probe.dir, old), [], f"files of {probe.name} with a value in them")
    coordinator.start()
    lab.wait_connected(coordinator, *probes)
    lab.wait_state(coordinator, later, "up", 60)
    nowhere(new)


test_secret_reaches_voters_only.seconds = 25


def test_secret_redacted(lab):
    """What a site echoes, in a body or a redirect, is hidden in results, alerts, webhooks, stream and everything that is shown."""
    token, cookie = lab.secret(secrets.token_hex(20)), lab.secret("id=" + secrets.token_hex(12))
    hook = Receiver(lab)
    coordinator = lab.coordinator(channels=[hook.channel]).start()
    url = gate(lab, token)
    lab.trio(coordinator)
    set_secret(lab, coordinator, "shop-token", "Bearer " + token)
    stream = Stream(coordinator)
    named = {"Authorization": {"secret": "shop-token"}, "X-Door": {"secret": "default/shop-token"}, "Cookie": cookie}
    answer = coordinator.api.must("POST", "/api/v1/monitors", {
        "name": "echo", "type": "http", "target": url + "/echo", "interval": "1s", "timeout": "1s", "quorum": {"seats": 3, "rounds": 1},
        "request": {"headers": named}})
    equal([w["path"] for w in answer["warnings"]], ["request.headers.Cookie"], "paths of the warnings")
    echo = answer["id"]
    jump = lab.monitor(coordinator, "jump", "http", url + "/jump", request={"headers": named}, expect={"follow": 3})
    opened = lambda: {d.alert["monitor"]["name"]: d for d in hook.messages(type="alert.opened", kind="down")}
    wait_for(lambda: len(opened()) == 2, "two alerts at the webhook receiver", 60)
    excerpt = opened()["echo"].alert
    equal(excerpt["observed"]["body_excerpt"], "sent: Bearer [redacted], [redacted]", "excerpt in the alert")
    hops = opened()["jump"].alert["observed"]["hops"]
    equal(hops[0]["location"], f"{url}/to/Bearer%20[redacted]?sent=Bearer+[redacted]", "where the redirect leads")
    wait_for(lambda: len(stream.events) >= 2, "the alerts on the stream")

    shown = [json.dumps([d.json for d in hook.deliveries]), json.dumps(stream.events)]
    for path in ("alerts", "monitors", "secrets", "secrets/shop-token", "status", f"monitors/{echo}", f"monitors/{echo}?effective=true",
                 f"monitors/{echo}/explain", f"monitors/{jump}/explain", f"monitors/{echo}/results", f"monitors/{jump}/results"):
        shown.append(coordinator.api.get("/api/v1/" + path).body.decode())
    shown.append(coordinator.api.get("/metrics").body.decode())
    for argv in (("explain", "echo"), ("monitor", "show", "echo", "--effective"), ("alert", "list"), ("alert", "show", excerpt["case"]),
                 ("secret", "list"), ("-o", "json", "secret", "list"), ("-o", "json", "monitor", "show", "jump")):
        done = lab.cli(coordinator, *argv)
        equal(done.returncode, 0, f"exit status of {argv} ({done.stderr})")
        shown.append(done.stdout + done.stderr)
    for text in shown:
        for value in (token, cookie, cookie[3:]):
            check(value not in text and value[8:] not in text, f"a value is shown: {text[:2000]}")

    # a marker that comes back keeps what is stored; a name is shown as it is
    read = coordinator.api.must("GET", f"/api/v1/monitors/{echo}")
    equal(read["request"]["headers"], {**named, "Cookie": "[redacted]"}, "headers as they are shown")
    kept = coordinator.api.must("PUT", f"/api/v1/monitors/{echo}", {**read, "memo": "new"})
    equal(kept["revision"], read["revision"], "revision after the marker came back")

    # refused: a name that is unknown, a value that cannot be sent, a secret that is used
    body = {"name": "other", "type": "http", "target": url, "request": {"headers": {"Authorization": {"secret": "shop-tokn"}}}}
    refused = coordinator.api.call("POST", "/api/v1/monitors", body)
    equal((refused.status, refused.json["errors"][0]["path"]), (422, "request.headers.Authorization"), "an unknown secret")
    check("did you mean 'shop-token'?" in refused.json["errors"][0]["message"], f"the nearest name: {refused.json}")
    refused = coordinator.api.call("PUT", "/api/v1/secrets/shop-token", {"value": "two\nlines of it"})
    equal(refused.status, 422, "a value that is no header")
    check("echo" in refused.json["errors"][0]["message"] and "two" not in refused.body.decode(), f"its refusal: {refused.json}")
    done = lab.cli(coordinator, "secret", "remove", "shop-token")
    equal(done.returncode, 1, "exit status of removing a secret that is used")
    check("'echo'" in done.stderr and "'jump'" in done.stderr, f"who uses it: {done.stderr}")
    for monitor in (echo, jump):
        coordinator.api.must("DELETE", f"/api/v1/monitors/{monitor}")
    equal(lab.cli(coordinator, "secret", "remove", "default/shop-token").returncode, 0, "removing it when nobody uses it")
    equal(coordinator.api.items("/api/v1/secrets"), [], "secrets that are left")
    stream.close()


test_secret_redacted.seconds = 20
