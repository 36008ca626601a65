"""What is wrong in a customer's repository, as SARIF (C12)."""
