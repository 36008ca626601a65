"""Workflows: definitions as data, and runs whose steps are jobs of the engine (docs/workflows.md).

A definition is checked when it is saved (`definition`), and its digest is its version. A run is a
row beside its steps' schedules; a pure function decides what follows the end of a step.
"""
