"""A cluster on one machine: for trying jobd out, and for its tests."""
