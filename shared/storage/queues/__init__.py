"""Queue Storage: messages by hand, and what they say."""
