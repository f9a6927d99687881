-- What retention deletes: what is beyond the newest so many of its job, then what is too old.
-- Rows of ticks later than the job's settled_until stay: something before them is still open.

-- name: runs_crowded
WITH crowded AS MATERIALIZED (
    SELECT
        job_id,
        (
            SELECT id FROM run AS kept
            WHERE kept.job_id = run.job_id AND kept.ended_at IS NOT NULL
            ORDER BY id DESC
            LIMIT 1 OFFSET :keep
        ) AS newest_doomed
    FROM run
    GROUP BY job_id
    HAVING count(*) > :keep
)
SELECT run.id, job.name, job.id, run.fire_time, run.run_id
FROM crowded
JOIN run ON run.job_id = crowded.job_id AND run.id <= crowded.newest_doomed
JOIN job ON job.id = run.job_id
WHERE
    run.ended_at IS NOT NULL
    AND (run.fire_time IS NULL OR NOT job.is_on_roll OR run.fire_time <= job.settled_until)
LIMIT :limit;

-- name: runs_old
SELECT run.id, job.name, job.id, run.fire_time, run.run_id
FROM run JOIN job ON job.id = run.job_id
WHERE
    run.ended_at < :older_than
    AND (run.fire_time IS NULL OR NOT job.is_on_roll OR run.fire_time <= job.settled_until)
LIMIT :limit;

-- name: skips_crowded
WITH crowded AS MATERIALIZED (
    SELECT
        job_id,
        (
            SELECT id FROM tick AS kept
            WHERE kept.job_id = tick.job_id AND kept.reason IS NOT NULL
            ORDER BY last DESC, first DESC
            LIMIT 1 OFFSET :keep
        ) AS newest_doomed
    FROM tick
    GROUP BY job_id
    HAVING count(*) > :keep
)
SELECT tick.id, job.name, job.id, tick.last
FROM crowded
JOIN tick AS edge ON edge.id = crowded.newest_doomed
JOIN tick ON tick.job_id = crowded.job_id AND (tick.last, tick.first) <= (edge.last, edge.first)
JOIN job ON job.id = tick.job_id
WHERE
    tick.reason IS NOT NULL
    AND (NOT job.is_on_roll OR tick.last <= job.settled_until)
LIMIT :limit;

-- name: skips_old
SELECT tick.id, job.name, job.id, tick.last
FROM tick JOIN job ON job.id = tick.job_id
WHERE
    tick.reason IS NOT NULL
    AND tick.decided_at < :older_than
    AND (NOT job.is_on_roll OR tick.last <= job.settled_until)
LIMIT :limit;

-- name: run_delete
DELETE FROM run WHERE id = ?;

-- name: skip_delete
-- By more than its id: since it was found, a clock set back may have given that to another row.
DELETE FROM tick WHERE id = ? AND last = ? AND reason IS NOT NULL;
