"""What hands out work: ticks, the clocks that call for them, and repair of what was lost or
wrong."""
