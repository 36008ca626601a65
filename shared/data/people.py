"""People: who the system administrators are."""

from __future__ import annotations

from shared.data.database import reading
from shared.settings import Secret


def administrators(url: Secret) -> list[str]:
    """The e-mail addresses of the users with the role `system_admin`, in the order of their text.

    Raises `Misconfigured` (no such table, column, database or file; a wrong password) or
    `Unavailable`; the message names DATABASE_URL and shows no password.
    """
    from sqlalchemy import select

    from shared.data.models import Role, User

    query = select(User.email).where(User.role == Role.SYSTEM_ADMIN)
    with reading(url) as session:
        found = {str(email).strip() for (email,) in session.execute(query) if email}
    return sorted(one for one in found if one)
