-- How long a run was in each of its steps.

ALTER TABLE run ADD COLUMN steps TEXT;  -- JSON: pairs of name and seconds; null: it named none

DROP VIEW run_record;

CREATE VIEW run_record AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run."trigger", run.fire_time,
    run.claimed_at, run.requested_by, run.attempt, run.started_at, run.ended_at, run.outcome,
    run.reason, run.exit_code, run.signal, run.duration_s, run.cpu_s, run.memory_peak_bytes,
    run.output_bytes, run.output_dropped_bytes, run.params, run.id, run.steps
FROM run JOIN job ON job.id = run.job_id;
