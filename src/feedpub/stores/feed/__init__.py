"""Store `feed`: a RSS, Atom or JSON feed that somebody publishes on the web."""
