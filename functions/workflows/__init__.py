"""What steps of workflows call that have no task of their own: they wait, or run workflows (O1)."""
