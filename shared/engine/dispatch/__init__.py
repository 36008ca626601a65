"""What hands out work: ticks, the clocks that call for them, and what was forgotten or wrong."""
