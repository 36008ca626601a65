"""What says the figures of each section, from where they are added up already."""
