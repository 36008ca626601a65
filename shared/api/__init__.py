"""HTTP: the API (`app`), the public pages (`site`), and one file a resource."""
