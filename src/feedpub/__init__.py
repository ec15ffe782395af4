"""feedpub: articles polled from a store -> feeds on disk and notices on networks, each article once."""
