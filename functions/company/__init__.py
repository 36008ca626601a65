"""The company's own figures: use, costs, spend."""
