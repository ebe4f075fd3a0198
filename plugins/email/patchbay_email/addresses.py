"""What is taken for an e-mail address. No IO.

Narrower than what RFC 5321 allows: no quoted local parts, no literal IP addresses, ASCII alone. What is left out is
hardly ever somebody's address, and often a way to say one thing to us and another to the server. A domain in other
letters is written in its ``xn--`` form: which one is meant is for the person to say, since libraries differ.
"""

from __future__ import annotations

import re

LONGEST = 254  # octets in all. Source: RFC 5321, 4.5.3.1.3, less its angle brackets
LONGEST_LOCAL_PART = 64  # octets. Source: RFC 5321, 4.5.3.1.1
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"  # Source: RFC 5322, 3.2.3, atext
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}|localhost)", re.ASCII
)


def is_address(text: str) -> bool:
    """Whether it is one plausible address, and nothing but that."""
    if len(text) > LONGEST:
        return False
    found = _ADDRESS.fullmatch(text)
    return found is not None and len(found["local"]) <= LONGEST_LOCAL_PART


def domain_of(address: str) -> str:
    """What follows the ``@``, in lower case."""
    return address.rpartition("@")[2].lower()
