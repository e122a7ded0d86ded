"""Anchors: a probe that has lost its own network says so, and raises nothing."""
import json
import signal

from lab import check, equal, free_port, stays, wait_for, write
from peers import Network, Site, Taker
from test_link import dialler, votes_of, with_door


def reload(probe, **changes):
    probe.conf.update(changes)
    write(probe.path, json.dumps(probe.conf))
    before = probe.text().count("read again")
    probe.signal(signal.SIGHUP)
    wait_for(lambda: probe.text().count("read again") > before, "the probe to read its file again")


def test_anchors(lab):
    """Blind but for the coordinator, a probe with three anchors loses its votes before it raises anything; without them it raises a
    regional alert; one anchor of three that fails changes nothing, and what is really down is still told."""
    network = Network(lab)
    coordinator = with_door(lab)
    shop = Site(lab, "shop", "10.77.0.1")
    anchors = [Taker(lab, "10.77.0.1") for _ in range(2)]
    listed = [{"tcp": a.where} for a in anchors] + [{"http": shop.url}]
    site = network.site("three")
    lab.regions(coordinator, ["one", "two", "three"])
    probes = [dialler(lab, coordinator, name + "-1", name, host="10.77.0.1", prefix=site.prefix if name == "three" else ())
              for name in ("one", "two", "three")]
    write(probes[2].path, json.dumps({**probes[2].conf, "anchors": listed}))
    for p in probes:
        p.start()
    lab.wait_connected(coordinator, *probes, timeout=20)
    page = lab.monitor(coordinator, "page", "http", shop.url)
    closed = lab.monitor(coordinator, "closed", "tcp", f"10.77.0.1:{free_port()}")
    lab.wait_settled(coordinator)
    lab.wait_state(coordinator, page, "up")
    lab.wait_state(coordinator, closed, "down")

    def vote(monitor=page):
        v = votes_of(coordinator, monitor)["three-1"]
        return v["verdict"], v["fate"], v.get("why")

    def self_test():
        return coordinator.api.must("GET", "/api/v1/probes/three-1")["self_test"]

    def regional():
        return [a for a in coordinator.alerts(kind="regional", state="open") if a["monitor"]["id"] == page]

    def not_judged():
        return sorted((coordinator.explain(page)["self_test"] or {}).get("not_judged", []))

    wait_for(lambda: self_test() == "ok" and vote() == ("up", "counted", None) and vote(closed) == ("down", "counted", None),
             "the self-test and the votes", 20)
    equal(not_judged(), ["one-1", "two-1"], "the voters without anchors")
    check("-1: fewer than three anchors of an address family" in lab.cli(coordinator, "explain", "page").stdout, "quorate explain says so")
    anchors[0].close()
    stays(lambda: self_test() == "ok" and vote() == ("up", "counted", None) and vote(closed) == ("down", "counted", None),
          "one anchor of three is gone, and the votes count", 3)

    site.firewall(f"meta oifname != lo tcp dport != {coordinator.door_port} drop")
    wait_for(lambda: vote() == ("none", "excluded", "self_test"), "the blind probe's vote to be left out", 20)
    wait_for(lambda: self_test() == "failed", "the coordinator to know", 15)
    stays(lambda: vote()[1:] == ("excluded", "self_test") and coordinator.state(page) == "up" and not regional(), "nothing is raised", 4)
    results = coordinator.api.items(f"/api/v1/monitors/{page}/results?limit=500")
    equal([r for r in results if r.get("verdict") == "down"], [], "results that say that the page is down")
    check(any(r.get("reason") == "internal.self_test" for r in results), "the reason is in the history")
    shown = lab.cli(coordinator, "probe", "show", "three-1").stdout
    check("self-test" in shown and "failed" in shown, f"quorate probe show: {shown}")
    check("excluded: self_test" in lab.cli(coordinator, "explain", "page").stdout, "quorate explain")

    reload(probes[2], anchors=[])
    wait_for(lambda: vote() == ("down", "counted", None) and regional(), "without anchors it would be a regional alert", 20)
    equal(coordinator.state(page), "up", "the page")
    wait_for(lambda: not_judged() == ["one-1", "three-1", "two-1"], "explain to say that nobody's network is judged", 15)
    reload(probes[2], anchors=listed)
    wait_for(lambda: vote()[1:] == ("excluded", "self_test"), "with them again it is left out", 20)
    site.heal()
    wait_for(lambda: vote() == ("up", "counted", None) and self_test() == "ok" and not regional(), "the probe to see again", 40)


test_anchors.seconds = 35
