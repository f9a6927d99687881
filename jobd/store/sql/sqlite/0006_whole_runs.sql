-- What is usual of whole runs, beside what is of their last attempts. Where nothing was retried
-- the two are the same.

ALTER TABLE job ADD COLUMN smoothed_lasted_s REAL;

UPDATE job SET smoothed_lasted_s = smoothed_duration_s;

-- How attempts went that were retried.

ALTER TABLE run ADD COLUMN retried TEXT;  -- JSON, see jobd.core.attempt; null: there were none

DROP VIEW run_record;

CREATE VIEW run_record AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run."trigger", run.fire_time,
    run.claimed_at, run.requested_by, run.attempt, run.started_at, run.ended_at, run.outcome,
    run.reason, run.exit_code, run.signal, run.duration_s, run.cpu_s, run.memory_peak_bytes,
    run.output_bytes, run.output_dropped_bytes, run.params, run.id, run.steps, run.retried
FROM run JOIN job ON job.id = run.job_id;
