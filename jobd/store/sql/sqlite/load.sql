-- What the writer has to know: all jobs once, at the opening; later only what it does not have in mind.

-- name: jobs
SELECT
    id, name, schedule, is_on_roll, settled_until, decided_until, forgotten, token,
    last_started, last_ended, last_outcome, last_success, last_duration,
    smoothed_duration_s, memory_peak_bytes, rest_until, pause, skip_next,
    expected_memory_bytes, last_skipped, smoothed_lasted_s
FROM job;

-- name: active_runs
SELECT
    run.run_id, job.name, run.node, run.token, run.fire_time, run."trigger", run.claimed_at,
    run.attempt, run.retry_at, run.requested_by, run.params, run.pool, run.slots, run.retried
FROM run JOIN job ON job.id = run.job_id
WHERE run.ended_at IS NULL
ORDER BY run.id;

-- name: rows_over
SELECT id, first, last, count FROM tick WHERE job_id = ? AND last >= ? AND first <= ?;

-- name: skips_after
SELECT first, last, count, reason, run_id, detail, blocker, decided_at, node FROM tick
WHERE job_id = ? AND last > ? AND reason IS NOT NULL
ORDER BY id;

-- name: ended_token
SELECT token FROM run WHERE run_id = ? AND ended_at IS NOT NULL;
