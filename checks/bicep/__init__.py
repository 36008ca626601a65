"""Checks Bicep without its compiler, offline: what `az bicep build` and a first deployment refuse.

Found, each with its file, its line and what would be right:

- syntax errors; undefined, doubled and unused names; unknown functions and decorators, and
  wrong numbers of arguments;
- resource types and API versions that the table does not know; properties that are unknown,
  read-only, missing, doubled or of the wrong type; values outside of closed sets, lengths,
  patterns and ranges; properties read that do not exist;
- modules: a file that does not exist, a registry, parameters missing, unknown or of the wrong
  type (also through user-defined types), outputs that do not exist, a scope that does not fit;
- parameters files against the parameters of their deployment;
- secure parameters with a default, secrets and keys in outputs.

Not done: expressions are not evaluated; names, quotas, regions and rights are not asked for.
A name that is built from parts may still be too long, and a type that the table does not know
cannot be used before it is added (CONTRIBUTING.md).

The table of resource types (`table/`) is made from Azure's own.
"""

from checks.bicep.plain import Expression, Plain
from checks.bicep.problem import Problem
from checks.bicep.program import File, Module, Output, Parameter, Program, Resource, load

__all__ = [
    "Expression",
    "File",
    "Module",
    "Output",
    "Parameter",
    "Plain",
    "Problem",
    "Program",
    "Resource",
    "load",
]
