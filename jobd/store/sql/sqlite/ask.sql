-- Questions, answered on a connection of their own.

-- name: run_exact
SELECT * FROM run_record WHERE run_id = :run_id;

-- name: run_ids_from
-- Two are enough to know that a prefix says too little.
SELECT run_id FROM run WHERE run_id >= :prefix AND run_id < :prefix || char(0x10FFFF) LIMIT 2;

-- name: runs_all
SELECT * FROM run_record ORDER BY id DESC LIMIT :limit;

-- name: runs_active
SELECT * FROM run_record
WHERE ended_at IS NULL AND (:job IS NULL OR job = :job)
ORDER BY id DESC
LIMIT :limit;

-- name: runs_of_job
SELECT * FROM run_record
WHERE job = :job AND (:outcome IS NULL OR outcome = :outcome)
ORDER BY id DESC
LIMIT :limit;

-- name: runs_succeeded
SELECT * FROM run_record WHERE outcome = 'success' ORDER BY id DESC LIMIT :limit;

-- name: runs_failed
-- The first condition is what lets the planner use the index of failures.
SELECT * FROM run_record
WHERE outcome <> 'success' AND outcome = :outcome
ORDER BY id DESC
LIMIT :limit;

-- name: ticks_newest
SELECT * FROM tick_record WHERE job = :job ORDER BY last DESC, first DESC LIMIT :limit;

-- name: ticks_holding
SELECT * FROM tick_record
WHERE job = :job AND last >= :at AND first <= :at
ORDER BY last DESC, first DESC
LIMIT :limit;

-- name: tick_after
SELECT * FROM tick_record
WHERE job = :job AND last > :at AND first > :at
ORDER BY first, last
LIMIT 1;

-- name: tick_before
SELECT * FROM tick_record WHERE job = :job AND last < :at ORDER BY last DESC, first DESC LIMIT 1;

-- name: skip_counts
SELECT job, reason, sum(count) FROM tick_record
WHERE reason IS NOT NULL AND decided_at >= :since
GROUP BY job, reason;

-- name: usage
-- An even sample of about :most, chosen in the index alone: rows of one job lie far apart.
-- 2654435769 is 2^32 divided by the golden ratio.
SELECT
    ended_at, outcome, duration_s, memory_peak_bytes, steps,
    CASE attempt WHEN 1 THEN 0.0
        ELSE max((ended_at - claimed_at) / 1e6 - duration_s, 0.0) END,
    retried
FROM (
    SELECT
        id AS chosen, row_number() OVER (ORDER BY id DESC) - 1 AS place, count(*) OVER () AS total
    FROM (
        SELECT id FROM run
        WHERE job_id = (SELECT job.id FROM job WHERE name = :job)
            AND id NOT IN (SELECT active.id FROM run AS active WHERE active.ended_at IS NULL)
        ORDER BY id DESC
        LIMIT :seen
    )
) JOIN run ON run.id = chosen
WHERE place * 2654435769 % 4294967296 * total < :most * 4294967296
    AND duration_s IS NOT NULL AND outcome IN ('success', 'timeout', 'oom')
ORDER BY id;

-- name: audit_all
SELECT at, by, action, target, detail FROM audit ORDER BY id DESC LIMIT :limit;

-- name: audit_of
SELECT at, by, action, target, detail FROM audit
WHERE target = :target
ORDER BY id DESC
LIMIT :limit;
