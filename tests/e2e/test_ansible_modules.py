# SPDX-License-Identifier: MIT
"""The collection's modules against a real coordinator: over its socket, its door by pin, loopback."""
import os
import subprocess

from lab import BUILD, check, equal, free_port, write
from playbook import local

MONITOR, PROBE, QUORUM = "quorate.quorate.monitor", "quorate.quorate.probe", "quorate.quorate.quorum"
HEADER = "Bearer of-nobody-elses-business"


def coordinator_and_ways(lab):
    """A coordinator, and the options by which modules find it: by socket, by door and pin, by loopback."""
    port = free_port()
    c = lab.coordinator(door={"listen": f"127.0.0.1:{port}", "addresses": [f"127.0.0.1:{port}"]}).start()
    pin = next(word[4:] for word in c.text().split() if word.startswith("pin=sha256//"))
    key = os.path.join(c.dir, "admin.key")
    return c, {"url": "unix:" + c.conf["api"]["socket"], "api_key_file": key}, {
        "url": f"https://127.0.0.1:{port}", "api_key": c.api.key, "pins": [pin]}, {
        "url": f"http://127.0.0.1:{c.port}", "api_key": c.api.key}


def join(lab, line):
    """What quorate-probe says of a join string whose address nobody answers at."""
    path = write(lab.file("j.yml"), f"state_dir: {lab.file('j')}\n")
    done = subprocess.run([os.path.join(BUILD, "quorate-probe"), "join", "-c", path], env=lab.env, input=line + "\n", capture_output=True,
                          text=True, timeout=60)
    return done.stderr


def says(result, *words):
    check(result.get("failed") and all(w in result["msg"] for w in words), f"expected a refusal with {words}: {result}")


def outcome(results):
    """What each task came to, without a word."""
    return ["failed" if r.get("failed") else "changed" if r.get("changed") else "ok" for r in results]


def test_ansible_monitor(lab):
    """The module monitor: creates, changes and removes, each once; check mode changes nothing; diffs have no secrets; refusals name the option."""
    c, socket, door, loopback = coordinator_and_ways(lab)
    lab.secret(HEADER)
    shop = {"name": "shop", "type": "http", "target": "https://shop.example.com/", "request": {"headers": {"Authorization": HEADER}},
            "labels": {"tier": "gold"}}
    again = {**shop, "interval": "30s"}
    tasks = [(MONITOR, {**shop, **socket}), (MONITOR, {**shop, **door}), (MONITOR, {**again, **loopback})]
    results = local(lab, tasks, "--check", "--diff")
    equal((outcome(results), c.api.items("/api/v1/monitors")), (["changed"] * 3, []), "check mode on nothing")
    results = local(lab, tasks, "--diff")
    equal(outcome(results), ["changed", "ok", "changed"], "create, the same, another interval")
    equal([r["kind"] for r in results], ["create", "unchanged", "update"], "kinds")
    equal(results[2]["diff"], {"before": {"interval": "1m"}, "after": {"interval": "30s"}}, "the diff of a change")
    check(HEADER not in str(results), "a header's value is shown")
    stored = c.api.items("/api/v1/monitors")
    equal([(m["name"], m["interval"], m["labels"]) for m in stored], [("shop", "30s", {"tier": "gold"})], "what is stored")

    renamed = {"external_id": "s-1", "type": "tcp", "target": "db.example.com:5432", "expect": {"port": "closed"}}
    gone = {"name": "shop", "state": "absent", **socket}
    results = local(lab, [
        (MONITOR, {"name": "database", **renamed, **socket}), (MONITOR, {"name": "the database", **renamed, **socket}),
        (MONITOR, gone), (MONITOR, gone), (MONITOR, {**shop, "interval": "30", **socket}),
        (MONITOR, {"name": "x", "type": "tcp", "target": "x.example.com:80", "expect": {"prot": "open"}, **socket}),
        (MONITOR, {"name": "x", **socket}), (MONITOR, {**shop, **door, "pins": ["sha256//" + "A" * 43 + "="]}),
        (MONITOR, {**shop, **loopback, "api_key": "qk_wrong"}), (MONITOR, {**shop, "url": "unix:/nowhere", "api_key": "k"}),
        (MONITOR, {**shop, "url": "http://198.51.100.1", "api_key": "k"}),
    ])
    equal(outcome(results), ["changed", "changed", "changed", "ok"] + ["failed"] * 7, "the rest")
    says(results[4], "monitor 'shop'", "interval: '30'", "accepted")
    says(results[5], "expect.prot", "did you mean 'port'")
    says(results[6], "type, target")
    says(results[7], "not one of the pinned ones")
    says(results[8], "does not know this API key")
    says(results[9], "unix:/nowhere", "No such file")
    says(results[10], "in the clear")
    equal([m["name"] for m in c.api.items("/api/v1/monitors")], ["the database"], "what is left")


test_ansible_monitor.seconds = 10


def test_ansible_probe(lab):
    """The modules probe and quorum: a registered probe gets a join string once, or anew when asked; drained, moved, removed; and waiting."""
    c, socket, door, _ = coordinator_and_ways(lab)
    tokyo = {"name": "tokyo-1", "region": "tokyo", **socket}
    tasks = [(PROBE, {**tokyo, "create_region": True}), (PROBE, {**tokyo, **door, "api_key_file": None}), (PROBE, {**tokyo, "state": "drained"}),
             (PROBE, {**tokyo, "state": "drained"}), (PROBE, tokyo), (PROBE, {**tokyo, "region": "tokio"}),
             (PROBE, {**tokyo, "join": True, "addresses": ["10.9.8.7:443"]}), (PROBE, {**tokyo, "wait": 1})]
    results = local(lab, tasks[:1], "--check")
    equal((outcome(results), c.api.items("/api/v1/regions")), (["changed"], []), "check mode on nothing")
    check("join" not in results[0], "a join string in check mode")
    results = local(lab, tasks, "--diff")
    for r in results:
        lab.secret(r.get("join") or "none")
    lab.secrets.discard("none")
    equal(outcome(results), ["changed", "ok", "changed", "ok", "changed", "failed", "changed", "failed"], "a probe's life")
    check(results[0]["join"].startswith("quorate-join-1:") and "join" not in results[1], "a join string for the new probe only")
    says(results[5], "did you mean 'tokyo'")
    says(results[7], "tokyo-1", "does not vote after 1 s", "never came")
    again = lab.probe(c, "osaka-1", "tokyo").start()
    lab.wait_connected(c, again)
    lab.monitor(c, "web", "tcp", f"127.0.0.1:{c.port}", quorum={"seats": 1, "rounds": 0})
    lab.monitor(c, "paused", "tcp", "127.0.0.1:1", enabled=False)
    joined = join(lab, results[6]["join"])
    check("10.9.8.7:443" in joined, f"the address that was asked for is not where it joins: {joined}")
    results = local(lab, [
        (QUORUM, {**socket, "wait": 30}), (PROBE, {"name": "osaka-1", "region": "tokyo", "wait": 20, **socket}),
        (PROBE, {"name": "osaka-1", "state": "absent", **socket}), (PROBE, {"name": "osaka-1", "state": "absent", **socket}),
        (QUORUM, {**socket, "wait": 2}), (QUORUM, {**socket, "wait": 0, "fail": False}), (QUORUM, {**socket, "wait": 0, "excuse": ["web"]}),
        (PROBE, {**tokyo, "region": "kyoto", "create_region": True}), (PROBE, {**tokyo, "region": "kyoto"}),
    ])
    equal(outcome(results), ["ok", "ok", "changed", "ok", "failed", "ok", "ok", "changed", "ok"], "waiting and removing")
    equal((results[0]["monitors"], results[1]["standing"], results[5]["short"]), (1, "voting", ["web"]), "answers")
    says(results[4], "votes are missing", "web (0 of 1 seats vote, 1 are needed)")
    lab.secret(results[7]["join"])
    equal([(p["name"], p["region"]) for p in c.api.items("/api/v1/probes")], [("tokyo-1", "kyoto")], "what is left")


test_ansible_probe.seconds = 20
