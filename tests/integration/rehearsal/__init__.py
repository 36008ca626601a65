"""The deployed shape, as far as it can be had on one machine: the package in an empty folder, with
the packages of requirements.txt and no others, in a process of its own under Microsoft's worker
library, with managed identities and no key or connection string anywhere."""
