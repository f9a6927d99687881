-- What a run of a job may need, and when its last tick was skipped: an `after` counts from that.

ALTER TABLE job ADD COLUMN expected_memory_bytes INTEGER;
ALTER TABLE job ADD COLUMN last_skipped INTEGER;
