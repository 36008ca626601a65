"""What lies in the containers: how a backup is stored, listed, read back and removed."""
