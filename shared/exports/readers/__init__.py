"""The rows of exports, from the stores of other parts. Each file reads one kind of them."""
