"""Reads Bicep: tokens, expressions, type expressions, statements; the result is a `tree`."""
