"""READS: the configuration, from TOML to frozen jobs."""
