"""FORETELLS: the configured jobs through the production scheduler, in virtual time."""
