"""Where feed files go."""
