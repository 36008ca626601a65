"""Checks Bicep without its compiler, offline: what `az bicep build` and a first deployment refuse.

Found, each with its file, its line and what would be right:

- syntax errors; undefined, doubled and unused names, and names that lead back to themselves;
  unknown functions and decorators, wrong numbers of arguments, operands of a wrong type;
- resource types and API versions that the table does not know; properties that are unknown,
  read-only, missing, doubled or of a wrong type; values outside of closed sets, lengths, patterns
  and ranges; parents and names that do not fit the type, names that are given twice;
- reads of what does not exist, or may not be deployed; names, conditions and loops that need what
  is known only after something was deployed;
- modules: a file that does not exist, a registry; parameters that are missing, unknown or of a
  wrong type, also through types of the files' own; a scope that does not fit, of resources too;
- the parameters file against the parameters, with azd's `${NAME}` and `${NAME=default}`;
- secure parameters with a value in the file, secrets and keys in outputs.

Not done: expressions are not evaluated, so a name that is built from parts may still be too long;
arguments of Bicep's own functions are counted, their types are not compared; names that are taken,
quotas, regions and rights are not asked for. Extensions, registries and templates in JSON are not
read.

The table of resource types (`table/`) is made from Azure's own; CONTRIBUTING.md says how to add to
it.
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
