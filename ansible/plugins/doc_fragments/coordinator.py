# SPDX-License-Identifier: MIT
"""How the modules find the coordinator: the options that all of them have."""
from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where the coordinator's API is, as seen from the host that the module runs on.
      - Either C(unix:) and the path of its socket, or C(https://HOST:PORT) for its door, or C(http://) on loopback.
      - Without it, the environment variable C(QUORATE_URL) is used, or else the socket of a coordinator on the same host.
    type: str
  api_key:
    description:
      - The API key. Keep it in a vault.
      - Without it, the environment variable C(QUORATE_API_KEY) is used, or else I(api_key_file).
    type: str
  api_key_file:
    description:
      - A file, on the host that the module runs on, with the API key in it.
      - Without it, the first admin key of a coordinator on the same host is used.
    type: path
  ca_file:
    description:
      - PEM file of the CAs that may vouch for an C(https://) coordinator. The system's by default.
    type: path
  pins:
    description:
      - SHA-256 of the public keys that an C(https://) coordinator may have, as C(sha256//BASE64).
      - With pins, no CA is asked and names do not matter.
    type: list
    elements: str
    default: []
  api_timeout:
    description:
      - How many seconds a request may take.
    type: int
    default: 30
"""
