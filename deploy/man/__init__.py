"""The manual pages jobd(1), jobd-ctl(1) and jobd.toml(5), made of the help texts and the schema."""
