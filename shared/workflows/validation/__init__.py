"""What is refused when a definition is saved, with the field it is about.

| module | what it checks |
|---|---|
| `graph` | ids and needs: unknown ones, twice, circles |
| `referring` | expressions: that they can be read, and name only what is known by then |
| `calling` | tasks: that they exist, may be used here, and take these parameters |
| `children` | workflows that a workflow runs: that they exist, take that input, and never run it |
"""

from shared.workflows.validation.checking import Checks
from shared.workflows.validation.problem import Problem

__all__ = ["Checks", "Problem"]
