"""What makes everything else run: clocks, workers, and who takes what queues give up."""
