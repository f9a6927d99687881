-- How long a run was in each of its steps.

ALTER TABLE jobd.run ADD COLUMN steps jsonb;  -- pairs of name and seconds; null: it named none

CREATE OR REPLACE VIEW jobd.run_record AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run.trigger, run.fire_time, run.claimed_at,
    run.requested_by, run.attempt, run.started_at, run.ended_at, run.outcome, run.reason,
    run.exit_code, run.signal, run.duration_s, run.cpu_s, run.memory_peak_bytes,
    run.output_bytes, run.output_dropped_bytes, run.params, run.id, run.job_id, run.steps
FROM jobd.run JOIN jobd.job ON job.id = run.job_id;

-- It returns a column more from now on, which a function cannot be made to while it is there.
DROP FUNCTION IF EXISTS jobd.ends_of(jsonb);
