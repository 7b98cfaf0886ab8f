"""A server that starts does not wait for what only an enrolment or a passkey needs."""

import subprocess
import sys

from watchword.crypto import ceremonies

LATE = ("webauthn", "segno", "cbor2")
STARTED = "watchword.bootstrap, watchword.domain.factors, watchword.crypto.totp, "
STARTED += "watchword.crypto.ceremonies, watchword.crypto.recovery_codes"


def test_a_start_imports_none_of_it() -> None:
    program = f"import sys, {STARTED}; print(*sorted({{*{LATE}}} & {{*sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == []


def test_it_can_be_imported_ahead() -> None:
    ceremonies.warm()
    assert "webauthn" in sys.modules
