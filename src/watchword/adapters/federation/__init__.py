"""Other identity providers, spoken to over HTTPS: OpenID Connect by discovery, and plain OAuth 2.

To teach a new provider by name: give its addresses in `settings/providers.py`. One whose rules
differ from the standard has a module here, as Microsoft and Apple have.

Invariant: an answer is read whole or refused, nothing of it stands in an exception or a log line,
and no address is called but those of the settings and of the metadata.
"""

from watchword.adapters.federation.providers import FederatedProviders

__all__ = ["FederatedProviders"]
