#!/usr/bin/python
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: probe
short_description: Registers, drains and removes a probe at the coordinator
version_added: 1.0.0
description:
  - Makes the coordinator know a probe, and gives its join string when there is need of one.
  - The probe's own machine is the business of the role C(quorate.quorate.probe), which uses this module.
author:
  - the quorate authors
options:
  name:
    description:
      - The probe's name. Unique.
    type: str
    required: true
  state:
    description:
      - C(present) registers it and puts it into service.
      - C(drained) gives its seats to others, for maintenance; its absence is no alert.
      - C(absent) removes it; its token is worth nothing then, and its votes count no more.
    type: str
    choices: [present, drained, absent]
    default: present
  region:
    description:
      - The region that it stands in. A registered probe that is in another one is removed and registered again.
    type: str
  provider:
    description:
      - Whose network it is in; by default that of its region.
    type: str
  organization:
    description:
      - The only organization that it serves. By default it serves all. A region that I(create_region) makes is that organization's, too.
    type: str
  create_region:
    description:
      - Registers the region, too, when it is missing. Without it, a name that is mistyped is an error.
    type: bool
    default: false
  join:
    description:
      - Asks for a join string also for a probe that is registered already. Its old token is void then.
    type: bool
    default: false
  valid:
    description:
      - How long the join string is good, for example C(10m).
    type: str
    default: 10m
  addresses:
    description:
      - Where this probe reaches the coordinator, as C(HOST:PORT), when that is not what the coordinator tells everybody. They go
        into the join string.
    type: list
    elements: str
    default: []
  wait:
    description:
      - How many seconds to wait until the probe votes. C(0) does not wait.
    type: int
    default: 0
extends_documentation_fragment:
  - quorate.quorate.coordinator
attributes: {}
notes:
  - Supports check mode and diff.
  - The answer may have a secret in it, I(join). Tasks that register it want C(no_log=true).
"""

EXAMPLES = r"""
- name: Register a probe and get its join string
  quorate.quorate.probe:
    name: tokyo-1
    region: ap-northeast-1
  delegate_to: coordinator.example.net
  become: true
  register: registered
  no_log: true

- name: Drain a probe before maintenance
  quorate.quorate.probe:
    name: tokyo-1
    state: drained
  delegate_to: coordinator.example.net
  become: true

- name: Wait until it votes again
  quorate.quorate.probe:
    name: tokyo-1
    region: ap-northeast-1
    wait: 60
  delegate_to: coordinator.example.net
  become: true
"""

RETURN = r"""
join:
  description: The line for C(quorate-probe join), good once and for a time. A secret.
  returned: when the probe is new, or join was asked for
  type: str
created:
  description: Whether it was registered by this task, or would be.
  returned: success
  type: bool
standing:
  description: How the probe is doing, or None for one that is not registered.
  returned: success
  type: str
  sample: voting
software:
  description: The version that it runs, if it was seen.
  returned: success
  type: str
"""

import base64
import json
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorate.quorate.plugins.module_utils.client import ApiError, Client, argument_spec, path_of

FIELDS = ("name", "region", "provider", "organization")
REASONS = {
    "never-seen": "it never came; its log says why (journalctl -u quorate-probe)",
    "lost": "it came, but is not connected now; its log says why (journalctl -u quorate-probe)",
    "drained": "it is drained",
    "twins": "two programs use its token",
}


def differs(found, wanted):
    """What is said otherwise than it is registered."""
    return any(wanted[f] is not None and found.get(f) != wanted[f] for f in FIELDS)


def facts(probe):
    return dict((f, probe.get(f)) for f in FIELDS + ("drained",) if probe.get(f) is not None)


def ensure_region(client, module):
    """True when it is missing (and, outside of check mode, made)."""
    region = module.params["region"]
    if not module.params["create_region"] or client.find(path_of("regions", region)):
        return False
    if not module.check_mode:
        more = dict((f, module.params[f]) for f in ("provider", "organization") if module.params[f])
        body = dict(name=region, **more)
        try:
            client.call("POST", "/regions", body)
        except ApiError:  # another host of the play may have been faster
            if not client.find(path_of("regions", region)):
                raise
    return True


def join_string(client, module, path, body=None):
    """Asks for one at PATH; in check mode none."""
    if module.check_mode:
        return {}
    line = client.call("POST", path + "?valid=" + module.params["valid"], body).get("join")
    if not line:
        raise ApiError("this coordinator has no door, and so gives no join string: set door in its configuration")
    return dict(join=redirected(line, module.params["addresses"]))


def redirected(line, addresses):
    """The join string with other addresses in it; proto/joinstring.h says what it is made of."""
    if not addresses:
        return line
    prefix, text = line.strip().split(":", 1)
    place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    place["addresses"] = addresses
    text = base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()
    return prefix + ":" + text.rstrip("=")


def set_drained(client, module, found, drained):
    if not found or bool(found.get("drained")) == drained:
        return False
    if not module.check_mode:
        client.call("POST", path_of("probes", found["name"]) + ("/drain" if drained else "/undrain"))
    return True


def wait_voting(client, module):
    """The probe once it votes; an error that says how it is doing after `wait` seconds."""
    deadline = time.monotonic() + module.params["wait"]
    while True:
        found = client.find(path_of("probes", module.params["name"]))
        standing = found["standing"] if found else "not registered"
        if standing == "voting":
            return found
        if time.monotonic() >= deadline:
            raise ApiError("does not vote after %d s: %s" % (module.params["wait"], REASONS.get(standing, standing)))
        time.sleep(0.2)


def present(client, module, found):
    wanted = dict((f, module.params[f]) for f in FIELDS)
    result = dict(changed=False, created=False)
    replaced = found and differs(found, wanted)
    if found and not replaced:
        result["changed"] = set_drained(client, module, found, False) or module.params["join"]
        if module.params["join"]:
            result.update(join_string(client, module, path_of("probes", found["name"]) + "/token"))
    else:
        result.update(changed=True, created=True, region_created=ensure_region(client, module))
        if replaced and not module.check_mode:
            client.call("DELETE", path_of("probes", found["name"]))
        result.update(join_string(client, module, "/probes", dict((k, v) for k, v in wanted.items() if v is not None)))
    after = dict((k, v) for k, v in wanted.items() if v is not None)
    result["diff"] = dict(before=facts(found) if found else {}, after=dict(facts(found) if found else {}, drained=False, **after))
    return result


def drained(client, module, found):
    if not found:
        raise ApiError("is not registered, and so cannot be drained")
    changed = set_drained(client, module, found, True)
    return dict(changed=changed, created=False, diff=dict(before=facts(found), after=dict(facts(found), drained=True)))


def absent(client, module, found):
    if found and not module.check_mode:
        client.call("DELETE", path_of("probes", found["name"]))
    return dict(changed=bool(found), created=False, diff=dict(before=facts(found) if found else {}, after={}))


def run(client, module):
    state = module.params["state"]
    found = client.find(path_of("probes", module.params["name"]))
    result = {"present": present, "drained": drained, "absent": absent}[state](client, module, found)
    if state == "present" and module.params["wait"] and not module.check_mode:
        found = wait_voting(client, module)
    else:
        found = client.find(path_of("probes", module.params["name"]))
    result.update(standing=found["standing"] if found else None, software=found.get("software") if found else None)
    return result


def main():
    spec = argument_spec(
        name=dict(type="str", required=True),
        state=dict(type="str", choices=["present", "drained", "absent"], default="present"),
        region=dict(type="str"),
        provider=dict(type="str"),
        organization=dict(type="str"),
        create_region=dict(type="bool", default=False),
        join=dict(type="bool", default=False),
        valid=dict(type="str", default="10m"),
        addresses=dict(type="list", elements="str", default=[]),
        wait=dict(type="int", default=0),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, required_if=[("state", "present", ("region",))])
    try:
        module.exit_json(**run(Client(module.params), module))
    except ApiError as e:
        module.fail_json(msg="probe '%s': %s" % (module.params["name"], e))


if __name__ == "__main__":
    main()
