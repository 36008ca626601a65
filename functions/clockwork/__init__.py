"""What makes everything else run: clocks, workers, and handlers of messages that queues give up."""
