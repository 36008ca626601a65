"""Running jobs: workers, their batches of attempts, and the outcome of each attempt."""
