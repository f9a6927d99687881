-- What the writer says: jobs, runs, the ledger, who did what.

-- name: job_save
INSERT INTO job (
    id, name, schedule, is_on_roll, settled_until, decided_until, forgotten, token,
    last_started, last_ended, last_outcome, last_success, last_duration,
    smoothed_duration_s, memory_peak_bytes, rest_until, pause, skip_next,
    expected_memory_bytes, last_skipped, smoothed_lasted_s
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    schedule = excluded.schedule,
    is_on_roll = excluded.is_on_roll,
    settled_until = excluded.settled_until,
    decided_until = excluded.decided_until,
    forgotten = excluded.forgotten,
    token = excluded.token,
    last_started = excluded.last_started,
    last_ended = excluded.last_ended,
    last_outcome = excluded.last_outcome,
    last_success = excluded.last_success,
    last_duration = excluded.last_duration,
    smoothed_duration_s = excluded.smoothed_duration_s,
    memory_peak_bytes = excluded.memory_peak_bytes,
    rest_until = excluded.rest_until,
    pause = excluded.pause,
    skip_next = excluded.skip_next,
    expected_memory_bytes = excluded.expected_memory_bytes,
    last_skipped = excluded.last_skipped,
    smoothed_lasted_s = excluded.smoothed_lasted_s;

-- name: run_begin
INSERT INTO run (
    run_id, job_id, node, token, "trigger", fire_time, claimed_at, requested_by, params,
    attempt, retry_at, pool, slots, retried
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: run_begin_again
-- After a full disk: the row may be there, from before it was full.
INSERT INTO run (
    run_id, job_id, node, token, "trigger", fire_time, claimed_at, requested_by, params,
    attempt, retry_at, pool, slots, retried, started_at
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET
    attempt = excluded.attempt,
    retry_at = excluded.retry_at,
    retried = excluded.retried,
    started_at = coalesce(excluded.started_at, started_at);

-- name: run_save
UPDATE run
SET attempt = ?, retry_at = ?, started_at = coalesce(?, started_at), node = ?,
    retried = coalesce(?, retried)
WHERE run_id = ? AND ended_at IS NULL;

-- name: run_end
UPDATE run
SET attempt = ?, started_at = coalesce(?, started_at), ended_at = ?, outcome = ?, reason = ?,
    exit_code = ?, signal = ?, duration_s = ?, cpu_s = ?, memory_peak_bytes = ?,
    output_bytes = ?, output_dropped_bytes = ?, steps = ?, retried = coalesce(?, retried),
    retry_at = NULL
WHERE run_id = ?;

-- name: tick_record
INSERT INTO tick (
    job_id, first, last, count, reason, run_id, detail, blocker, decided_at, node
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: tick_cut
UPDATE tick SET last = ?, count = ? WHERE job_id = ? AND last = ? AND first = ?;

-- name: tick_delete
DELETE FROM tick WHERE job_id = ? AND last = ? AND first = ?;

-- name: audit_note
INSERT OR IGNORE INTO audit (at, by, action, target, detail) VALUES (?, ?, ?, ?, ?);

-- name: audit_trim
-- Ids grow without gaps, so this keeps the newest so many.
DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?;

-- name: probe
-- Cheap, but it has to find the file and to read a page of it.
SELECT count(*) FROM sqlite_schema;
