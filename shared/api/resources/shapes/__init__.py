"""What the API takes and returns for webhooks, repositories and targets: a module for each."""
