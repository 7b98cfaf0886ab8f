"""Where files of tests lie: in memory, if the machine has a place for them. Tests start servers by
the thousand, and what is on the disk after a power cut is not what any of them is about.
"""

import os
import shutil
from typing import Final

_PLACE: Final = "/dev/shm"
_ROOM: Final = 2**31  # bytes: no container's default


def place() -> str | None:
    """None where there is none, or little room, or where nothing may be executed."""
    if not os.access(_PLACE, os.W_OK) or os.statvfs(_PLACE).f_flag & os.ST_NOEXEC:
        return None
    return _PLACE if shutil.disk_usage(_PLACE).free >= _ROOM else None
