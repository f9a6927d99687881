"""A release: that its version, its tag and its changelog agree."""
