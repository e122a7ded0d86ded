# SPDX-License-Identifier: MIT
"""What a probe with a valid token can do: how much, and how long it may say nothing."""
import threading
import time

from lab import check, equal, free_port, wait_for
from peers import Site
from wire import Wire, result


def open_door(lab, **more):
    port = free_port()
    coordinator = lab.coordinator(door={"listen": f"127.0.0.1:{port}"}, **more).start()
    coordinator.door_port = port
    return coordinator


def over_the_door(coordinator):
    return {"addresses": [f"127.0.0.1:{coordinator.door_port}"], "pin": [coordinator.status()["door"]["pin"]]}


def facts(coordinator, name):
    return coordinator.api.must("GET", f"/api/v1/probes/{name}")


def register(lab, coordinator, name, region):
    return lab.secret(coordinator.api.must("POST", "/api/v1/probes", {"name": name, "region": region})["token"])


class Flood:
    """A program with a valid token that sends as fast as it can, and never waits for an answer."""

    def __init__(self, coordinator, name, token, monitor):
        self.wire = Wire(coordinator.door_port, door=True, probe=name, token=token)
        equal(self.wire.answer, {"type": "accepted"}, "the answer to the preface")
        self.session = self.wire.hello(name, token)
        self.monitor, self.sent, self.stop, self.thread = monitor, 0, False, None

    def reports(self, n, results):
        first = self.sent * results
        return b"".join(self.wire.frame({"type": "report", "session": self.session, "results": [
            result(self.monitor, first + i * results + k + 1) for k in range(results)]}) for i in range(n))

    def run(self, results, seconds):
        """Until it was told to stop: how many messages could be written."""
        self.wire.socket.settimeout(0.2)
        deadline = time.monotonic() + seconds
        try:
            while not self.stop and time.monotonic() < deadline:
                data = memoryview(self.reports(100, results))
                while data and not self.stop and time.monotonic() < deadline:
                    try:
                        data = data[self.wire.socket.send(data):]
                    except TimeoutError:
                        pass
                self.sent += 100
        except OSError:
            pass

    def start(self, results=20, seconds=100):
        self.thread = threading.Thread(target=self.run, args=(results, seconds), daemon=True)
        self.thread.start()
        return self

    def end(self):
        self.stop = True
        self.thread.join()
        self.wire.close()


def flooded(lab, seconds):
    """An honest trio and a probe that floods: the trio's votes stay fresh, the flood is held to its limits."""
    limits = {"messages": 100, "bytes": 1000000, "results": 500}
    coordinator = open_door(lab, limits=limits)
    shop = Site(lab, "shop")
    lab.trio(coordinator, coordinator=over_the_door(coordinator))
    lab.regions(coordinator, ["osaka"])
    token = register(lab, coordinator, "osaka-1", "osaka")
    monitor = lab.monitor(coordinator, "shop", "http", shop.url)
    lab.wait_state(coordinator, monitor, "up")
    before = facts(coordinator, "osaka-1")["results"], coordinator.status()["link"]["messages"]
    honest = sum(facts(coordinator, f"{city}-1")["results"] for city in ("tokyo", "frankfurt", "virginia"))
    flood = Flood(coordinator, "osaka-1", token, monitor).start()
    began, lags, oldest = time.monotonic(), [], 0
    while time.monotonic() - began < seconds:
        status = coordinator.status()
        lags.append(status["loop_lag_ms"])
        equal(status["monitors"]["up"], 1, "monitors that are up")
        ages = {v["probe"]["name"] if isinstance(v["probe"], dict) else v["probe"]: v["age_ms"] for v in coordinator.explain(monitor)["votes"]}
        oldest = max(oldest, *(age for name, age in ages.items() if name != "osaka-1" and age is not None))
        time.sleep(0.2)
    took = time.monotonic() - began
    after = facts(coordinator, "osaka-1")
    flood.end()
    taken = after["results"] - before[0]
    print(f"    {taken} results in {took:.1f} s of at most {limits['results']} a second; held back {after['held_back_ms']} ms, "
          f"{after['refused_messages']} refused; others: oldest vote {oldest} ms, lag {max(lags)} ms")
    # two seconds' worth at once, and what was read in one go
    check(taken <= limits["results"] * (took + 2) + 2500, f"{taken} results were taken in {took:.1f} s")
    check(taken >= limits["results"] * took / 4, f"only {taken} results were taken in {took:.1f} s")
    check(after["held_back_ms"] > 1000 * seconds / 2, f"held back for {after['held_back_ms']} ms only")
    check(oldest < 2500, f"a vote of the others was {oldest} ms old")
    check(max(lags) < 500, f"the loop's lag: {max(lags)} ms")
    check("probe.held_back" in coordinator.text(), "the log says that it is held back")
    equal(coordinator.alerts(kind="down"), [], "alerts")
    return coordinator, token, monitor


def test_limits_flood(lab):
    """A probe that floods is held to its limits, and cannot come again to be rid of its debt; votes of the others stay fresh."""
    coordinator, token, monitor = flooded(lab, 6)
    held = facts(coordinator, "osaka-1")
    wait_for(lambda: coordinator.status()["door"]["links"] == 6, "the end of the flood's connection", 10)
    flood = Flood(coordinator, "osaka-1", token, monitor)  # its own messages are what makes it wait
    check(facts(coordinator, "osaka-1")["held_back_ms"] >= held["held_back_ms"], "what was held back stays counted")
    flood.wire.close()
    shown = lab.cli(coordinator, "probe", "show", "osaka-1").stdout
    check("held back" in shown, f"quorate probe show: {shown}")
    metrics = coordinator.api.get("/metrics").body.decode()
    check('quorate_probe_held_back_seconds_total{probe="osaka-1",region="osaka"} ' in metrics, "a metric")


def test_limits_flood_long(lab):
    """A flood that lasts becomes a probe alert, which closes when the probe keeps its limits again."""
    coordinator, token, _ = flooded(lab, 50)
    wait_for(lambda: [a for a in coordinator.alerts(kind="probe", state="open") if a["reason"]["code"] == "probe.flood"],
             "the alert", 5)
    wait_for(lambda: coordinator.status()["door"]["links"] == 6, "the end of the flood's connection", 10)
    wait_for(lambda: not facts(coordinator, "osaka-1")["held_back"], "the end of its debt", 10)
    wire = Wire(coordinator.door_port, door=True, probe="osaka-1", token=token, timeout=30)
    wire.hello("osaka-1", token)

    def closed():
        wire.ask({"type": "report", "session": wire.session, "results": []})
        time.sleep(1)
        return [a for a in coordinator.alerts(kind="probe") if a["reason"]["code"] == "probe.flood" and a["state"] == "closed"]

    wait_for(closed, "its close", 70)


def test_heartbeat_deadline(lab):
    """Probes whose connections stand and say nothing: session and connections end after three heartbeats, one that says nothing ever too."""
    coordinator = open_door(lab)
    lab.regions(coordinator, ["osaka", "kyoto"])
    tokens = {name: register(lab, coordinator, name + "-1", name) for name in ("osaka", "kyoto")}
    wires = {stream: Wire(coordinator.door_port, door=True, probe="osaka-1", token=tokens["osaka"], stream=stream, timeout=60)
             for stream in ("report", "orders")}
    session = wires["report"].hello("osaka-1", tokens["osaka"])
    local = Wire(coordinator.report_port, timeout=60)  # without the door
    local_session = local.hello("kyoto-1", tokens["kyoto"])
    mute = Wire(coordinator.door_port, door=True, probe="kyoto-1", token=tokens["kyoto"], timeout=60)
    began = time.monotonic()
    equal(coordinator.status()["link"]["sessions"], 2, "sessions")
    wires["orders"].send({"type": "poll", "session": session, "revision": 0})
    alive = lambda: coordinator.status()["link"]["sessions"]
    while time.monotonic() - began < 15:  # a heartbeat in time moves the deadline
        time.sleep(5)
        equal(wires["report"].ask({"type": "report", "session": session, "results": []})["status"], "stored", "a heartbeat's receipt")
        equal(alive(), 2, "sessions")
    silent = time.monotonic()
    wait_for(lambda: alive() == 1, "the end of the session that never had a heartbeat", 20)
    check(29 < time.monotonic() - began < 33, f"after {time.monotonic() - began:.1f} s")
    equal(local.ask({"type": "report", "session": local_session, "results": []})["status"], "stale_session", "its receipt")
    wait_for(lambda: alive() == 0, "the end of the other", 20)
    check(29 < time.monotonic() - silent < 33, f"after {time.monotonic() - silent:.1f} s of silence")
    wait_for(lambda: coordinator.status()["door"]["links"] == 0, "the end of all connections", 2)
    equal(coordinator.status()["link"]["silent_sessions"], 2, "silent sessions, counted")
    for wire in (*wires.values(), mute):
        wire.socket.settimeout(2)
        try:
            while wire.socket.recv(65536):
                pass
        except TimeoutError:
            check(False, "a connection still stands")
        except OSError:
            pass


test_limits_flood.seconds = 20
test_limits_flood_long.seconds, test_limits_flood_long.long = 150, 300
test_heartbeat_deadline.seconds = 50
