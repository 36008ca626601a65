"""Handing out work: ticks, the clocks that cause them, and the repair of what was lost or wrong."""
