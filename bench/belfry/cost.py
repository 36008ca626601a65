"""placeholder"""


def table() -> list[str]:
    return []
