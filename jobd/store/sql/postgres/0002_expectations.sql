-- What a run of a job may need, and when its last tick was skipped: an `after` counts from that.

ALTER TABLE jobd.job ADD COLUMN expected_memory_bytes bigint, ADD COLUMN last_skipped bigint;

-- It returns a column more from now on, which a function cannot be made to while it is there.
DROP FUNCTION IF EXISTS jobd.ends_of(jsonb);
