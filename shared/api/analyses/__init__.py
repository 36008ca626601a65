"""What analyses of repositories found."""
