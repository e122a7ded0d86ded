#!/usr/bin/python
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: monitor
short_description: Registers, changes and removes a monitor
version_added: 1.0.0
description:
  - Makes a monitor at the coordinator be what the task says. The coordinator judges the values and names what is wrong.
  - What the task does not say has the coordinator's default, also when the monitor had another value before.
  - The options are those of C(monitors.yml); C(quorate monitor show NAME --effective) prints all that apply.
author:
  - the quorate authors
options:
  name:
    description:
      - The monitor's name. Unique.
    type: str
    required: true
  external_id:
    description:
      - An identifier of yours. A monitor that has it is renamed instead of made anew.
    type: str
  state:
    description:
      - C(present) registers or changes it, C(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  organization:
    description:
      - The organization that it belongs to.
    type: str
  type:
    description:
      - How it is checked, for example C(http), C(tcp), C(ping), C(redirect), C(tls) or C(dns).
    type: str
  target:
    description:
      - What is checked, for example C(https://shop.example.com/) or C(db.example.com:5432).
    type: str
  interval:
    description:
      - Time between two checks, for example C(60s).
    type: str
  timeout:
    description:
      - Time that a check may take, for example C(10s).
    type: str
  enabled:
    description:
      - C(false) pauses it.
    type: bool
  service:
    description:
      - The service that it belongs to.
    type: str
  memo:
    description:
      - What people should know; it stands in alerts.
    type: str
  labels:
    description:
      - Names and values of yours.
    type: dict
  regions:
    description:
      - Where it is checked from. Names of regions, C(@NAME) for a set, C(*) for all.
    type: list
    elements: str
  quorum:
    description:
      - 'How many must agree, for example C({seats: 5, down: majority}).'
    type: dict
  alert:
    description:
      - 'When people are told, for example C({after: 2m}).'
    type: dict
  request:
    description:
      - How the check is made.
    type: dict
    suboptions:
      method:
        description:
          - The HTTP method.
        type: str
      headers:
        description:
          - HTTP headers. Their values are secrets, and never shown.
        type: dict
      body:
        description:
          - The HTTP body. It is a secret, and never shown.
        type: str
      family:
        description:
          - C(auto), C(ipv4) or C(ipv6).
        type: str
      verify:
        description:
          - Whether certificates are verified.
        type: bool
      packets:
        description:
          - How many packets a ping check sends.
        type: int
      packet_interval:
        description:
          - Time between two of them, for example C(200ms).
        type: str
  expect:
    description:
      - 'What is judged, for example C({status: [2xx], body_contains: Welcome}).'
    type: dict
  options:
    description:
      - Further options of the coordinator's that this module does not know by name. They are never shown.
    type: dict
extends_documentation_fragment:
  - quorate.quorate.coordinator
attributes: {}
notes:
  - Supports check mode and diff.
"""

EXAMPLES = r"""
- name: Watch the shop, asking the coordinator on its own host
  quorate.quorate.monitor:
    name: shop front
    type: http
    target: https://shop.example.com/
    interval: 60s
    request:
      headers:
        Authorization: "Bearer {{ vault_shop_token }}"
    expect:
      body_contains: Add to cart
      certificate_days: {warning: 21, critical: 7}
  delegate_to: coordinator.example.net
  become: true

- name: The database must not answer, asked of the coordinator's door
  quorate.quorate.monitor:
    url: https://coordinator.example.net
    pins: ["sha256//rI8nY1qBhVn2cHgdmaYX3nCiDzHFkEqaqm1wnDyKkzE="]
    api_key: "{{ vault_quorate_api_key }}"
    name: database is not public
    type: tcp
    target: db.example.com:5432
    expect: {port: closed}
  delegate_to: localhost

- name: The old entrance is gone
  quorate.quorate.monitor:
    name: old entrance
    state: absent
  delegate_to: coordinator.example.net
  become: true
"""

RETURN = r"""
id:
  description: The monitor's identifier. None for one that is not registered.
  returned: success
  type: str
kind:
  description: What happened, or would happen.
  returned: success
  type: str
  sample: create
changes:
  description: What changed, by path. Secrets are redacted.
  returned: state is present
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.quorate.quorate.plugins.module_utils.client import ApiError, Client, argument_spec, path_of

FIELDS = ("name", "external_id", "organization", "type", "target", "interval", "timeout", "enabled", "service", "memo", "labels", "regions",
          "quorum", "alert", "request", "expect")
SECRETS = ("headers", "body")


def without_none(value):
    """VALUE without the members that were not given, in objects at any depth."""
    if isinstance(value, dict):
        return dict((k, without_none(v)) for k, v in value.items() if v is not None)
    return value


def described(params):
    """The monitor as the API takes it."""
    return dict(without_none(dict((f, params[f]) for f in FIELDS)), **(params["options"] or {}))


def shown(monitor):
    """The monitor without what nobody should see."""
    request = dict((k, "[redacted]" if k in SECRETS else v) for k, v in monitor.get("request", {}).items())
    return dict(monitor, request=request) if request else monitor


def diff_of(item, monitor):
    if item["kind"] == "create":
        return dict(before={}, after=shown(monitor))
    return dict(before=dict((c["path"], c["from"]) for c in item["changes"]),
                after=dict((c["path"], c["to"]) for c in item["changes"]))


def present(client, module):
    monitor = described(module.params)
    item = client.call("POST", "/apply", dict(monitors=[monitor], dry_run=module.check_mode))["items"][0]
    created_in_check = module.check_mode and item["kind"] == "create"
    return dict(changed=item["kind"] != "unchanged", kind=item["kind"], changes=item["changes"],
                id=None if created_in_check else item["id"], diff=diff_of(item, monitor))


def absent(client, module):
    found = client.find(path_of("monitors", module.params["external_id"] or module.params["name"]))
    if not found:
        return dict(changed=False, kind="unchanged", id=None)
    if not module.check_mode:
        client.call("DELETE", path_of("monitors", found["id"]))
    return dict(changed=True, kind="remove", id=found["id"],
                diff=dict(before=dict(name=found["name"], type=found["type"], target=found["target"]), after={}))


def main():
    spec = argument_spec(
        name=dict(type="str", required=True),
        external_id=dict(type="str"),
        state=dict(type="str", choices=["present", "absent"], default="present"),
        organization=dict(type="str"),
        type=dict(type="str"),
        target=dict(type="str"),
        interval=dict(type="str"),
        timeout=dict(type="str"),
        enabled=dict(type="bool"),
        service=dict(type="str"),
        memo=dict(type="str"),
        labels=dict(type="dict"),
        regions=dict(type="list", elements="str"),
        quorum=dict(type="dict"),
        alert=dict(type="dict"),
        request=dict(type="dict", options=dict(
            method=dict(type="str"),
            headers=dict(type="dict", no_log=True),
            body=dict(type="str", no_log=True),
            family=dict(type="str"),
            verify=dict(type="bool"),
            packets=dict(type="int"),
            packet_interval=dict(type="str"),
        )),
        expect=dict(type="dict"),
        options=dict(type="dict", no_log=True),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True,
                           required_if=[("state", "present", ("type", "target"))])
    try:
        client = Client(module.params)
        module.exit_json(**(present if module.params["state"] == "present" else absent)(client, module))
    except ApiError as e:
        module.fail_json(msg="monitor '%s': %s" % (module.params["name"], str(e).replace("monitors[0].", "")))


if __name__ == "__main__":
    main()
