"""For other services, which take our access tokens: `guard.Guard` stands in front of them.

Invariant: it is only a client. It knows the tokens and what is said on the wire, and nothing of how
Watchword works behind that.
"""
