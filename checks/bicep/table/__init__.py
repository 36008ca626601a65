"""What Azure's own type tables say of the resource types that Belfry uses.

`types.json` holds facts only, in a notation of its own (`notation`); `trim` makes it from a clone
of Azure's public repository bicep-types-az, `kept` lists what it keeps.
"""
