"""The functions that make everything else run: clocks, workers, and handlers for messages that a
queue gave up."""
