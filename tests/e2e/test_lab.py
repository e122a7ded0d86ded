# SPDX-License-Identifier: MIT
"""The laboratory itself: what the other tests rely on has to be able to see trouble."""
import http.client
import json
import threading

from lab import Api, Failure, check, equal, free_port, wait_for
from peers import Network, Receiver, Relay, Site, certificates, in_namespace, Nginx, port_open, server


def test_lab_tells_lies_apart(lab):
    """The receiver refuses wrong signatures, the relay can be cut, a namespace's wire can be pulled."""
    receiver = Receiver(lab)
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    connection.request("POST", "/hook/ops", body=json.dumps({"type": "x", "data": {}}), headers={
        "webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,nonsense"})
    equal(connection.getresponse().status, 200, "answer of the receiver")
    equal(receiver.problems, ["wrong signature"], "what the receiver saw")

    site = Site(lab)
    relay = Relay(lab, site.port)
    equal(Api(relay.port).get("/").status, 200, "through the relay")
    relay.cut()
    try:
        Api(relay.port).get("/", timeout=0.3)
        raise Failure("a cut relay still passes bytes")
    except TimeoutError:
        pass
    relay.heal()
    equal(wait_for(lambda: Api(relay.port).get("/"), "the healed relay").status, 200, "healed")
    site.down()
    check(not port_open(*site.where), "the site is down")


def test_lab_networks(lab):
    """A site behind a wire reaches our nginx over https; unplugged or firewalled it does not."""
    network = Network(lab)
    osaka = network.site("osaka")
    ca, cert, key = certificates(lab)
    port = free_port()
    Nginx(lab, "web", [server(f"10.77.0.1:{port}", "location / { return 200 hello; }", tls=(cert, key))]).start(("10.77.0.1", port))
    reach = lambda: in_namespace(osaka.holder.pid, lambda: port_open("10.77.0.1", port))
    check(reach(), "through the wire")
    osaka.firewall("ip daddr 10.77.0.1 tcp dport %d reject with tcp reset" % port)
    check(not reach(), "firewalled")
    osaka.heal()
    check(reach(), "healed")
    osaka.unplug()
    check(not reach(), "unplugged")
    osaka.plug()
    wait_for(reach, "the wire again", 5)
    check(threading.active_count() < 20, "threads end")
