# SPDX-License-Identifier: MIT
"""Checks of both address families, from the registration to the alert."""
import socket

from lab import check, equal, free_port, wait_for
from peers import Receiver


def listen(family, address, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, port))
    s.listen(64)
    return s


def test_families(lab):
    """A service that answers over IPv4 and IPv6 is up; without IPv6 it is down, and the alert's reason and sentence say which family failed."""
    port = free_port()
    v4, v6 = listen(socket.AF_INET, "127.0.0.1", port), listen(socket.AF_INET6, "::1", port)
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator, allow=["127.0.0.0/8", "::1/128"])  # a probe that has one family only is not asked
    both = lab.monitor(coordinator, "both", "tcp", f"localhost:{port}", request={"family": "both"})
    ping = lab.monitor(coordinator, "ping", "ping", "localhost", request={"family": "both", "packets": 2, "packet_interval": "20ms", "size": 1000, "df": True})
    for monitor in (both, ping):
        lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    v6.close()
    alert = receiver.wait("the alert", 15, type="alert.opened").alert
    equal((alert["monitor"]["id"], alert["reason"]["code"]), (both, "tcp.refused"), "the alert and its reason")
    check(f"IPv6: connection refused by [::1]:{port}; IPv4 is up" in str(alert), f"the alert names the family: {alert['reason']}")
    v6 = listen(socket.AF_INET6, "::1", port)
    receiver.wait("the close", 15, type="alert.closed")
    wait_for(lambda: coordinator.state(ping) == "up" or None, "the ping to be up", 5)
    v4.close()
    v6.close()


test_families.seconds = 15
