-- How attempts went that were retried, and what is usual of whole runs beside what is of their last
-- attempts. Runs before jobs, as those have it who look at both meanwhile.

ALTER TABLE jobd.run ADD COLUMN retried jsonb;  -- see jobd.core.attempt; null: there were none

ALTER TABLE jobd.job ADD COLUMN smoothed_lasted_s double precision;

CREATE OR REPLACE VIEW jobd.active_run AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run.fire_time, run.trigger, run.claimed_at,
    run.attempt, run.retry_at, run.requested_by, run.params, run.lease_until, run.pool, run.slots,
    run.id, run.job_id, run.changed_at, run.stop_cause, run.retried
FROM jobd.run JOIN jobd.job ON job.id = run.job_id
WHERE run.ended_at IS NULL;

CREATE OR REPLACE VIEW jobd.run_record AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run.trigger, run.fire_time, run.claimed_at,
    run.requested_by, run.attempt, run.started_at, run.ended_at, run.outcome, run.reason,
    run.exit_code, run.signal, run.duration_s, run.cpu_s, run.memory_peak_bytes,
    run.output_bytes, run.output_dropped_bytes, run.params, run.id, run.job_id, run.steps,
    run.retried
FROM jobd.run JOIN jobd.job ON job.id = run.job_id;

-- It returns more columns from now on, which a function cannot be made to while it is there.
DROP FUNCTION IF EXISTS jobd.ends_of(jsonb);

-- Where nothing was retried the two are the same.
UPDATE jobd.job SET smoothed_lasted_s = smoothed_duration_s;
