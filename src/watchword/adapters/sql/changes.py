"""The noticeboard: every change to what a caller may do leaves a numbered row, in its transaction.

On SQLite `Revocations` reads on from the last number it has seen; on PostgreSQL each row is called
out as well, and heard by those who listen.
"""

from watchword.adapters.sql.statements import Statements
from watchword.ports import Topic

NOTE = "INSERT INTO changes (topic, subject) VALUES (:topic, :subject)"


async def note(statements: Statements, topic: Topic, subject: str = "") -> None:
    await statements.note(topic, subject)
