"""What hands out work: ticks, the clocks that call for them, repair of what was lost or wrong."""
