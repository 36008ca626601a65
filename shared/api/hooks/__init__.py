"""What providers tell us by HTTP, each request signed by the provider: `/hooks/...`."""
