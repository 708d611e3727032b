"""Text that a stranger's program wrote, for where control characters do harm. Standard library only."""


def printable(text: str) -> str:
    """With a replacement in place of every character that is none to be seen; a database takes no NUL, and a terminal
    takes escapes for orders."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)
