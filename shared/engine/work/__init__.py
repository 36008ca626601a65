"""What runs jobs: workers, their batches of attempts, what becomes of each."""
