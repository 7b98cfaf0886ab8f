"""The noticeboard: every change to what a caller may do leaves a numbered row, in its transaction.

`Revocations` reads on from the last number it has seen; see `sqlite.revocations`.
"""

from watchword.adapters.sql.statements import Statements
from watchword.ports import Topic

_NOTE = "INSERT INTO changes (topic, subject) VALUES (:topic, :subject)"


async def note(statements: Statements, topic: Topic, subject: str = "") -> None:
    await statements.change(_NOTE, {"topic": topic.value, "subject": subject})
