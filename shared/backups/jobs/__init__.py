"""What backup jobs do: take, prove, copy, restore, prune, scrub."""
