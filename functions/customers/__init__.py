"""What customers may schedule (C12). Each works for its schedule's project alone."""
