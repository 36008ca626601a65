"""HTTP: the API (`app`), the public pages (`site`), and a folder or file for each resource."""
