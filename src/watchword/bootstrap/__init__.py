"""Settings become a running core: the only room that chooses who keeps which promise.

`open_core` is the door for commands and for embedding; `Application` is the ASGI application that
a server, or another application's mount, is given.
"""

from watchword.bootstrap.application import Application, create_app
from watchword.bootstrap.core import Core, open_core

__all__ = ["Application", "Core", "create_app", "open_core"]
