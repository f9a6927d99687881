-- What happened in a stretch of time, gathered by cells of it.

-- name: window_runs_of_job
SELECT
    :job, cell, outcome, count(*), min(claimed_at), max(ended_at), sum(took), max(took),
    max(run_id)
FROM (
    SELECT
        run_id, claimed_at, ended_at, coalesce(outcome, 'active') AS outcome,
        max(coalesce(ended_at, claimed_at) - claimed_at, 0) AS took,
        CASE WHEN claimed_at < :start THEN -1
            ELSE (claimed_at - :start) * :cells / (:end - :start) END AS cell
    FROM (
        SELECT run_id, claimed_at, ended_at, outcome FROM run
        WHERE job_id = (SELECT job.id FROM job WHERE name = :job)
        ORDER BY id DESC
        LIMIT :seen
    )
    WHERE claimed_at < :end AND (ended_at IS NULL OR ended_at >= :start)
)
GROUP BY cell, outcome;

-- name: window_runs
-- Of a window in the past, also what ended later, and as little of it as of the rest is looked at.
SELECT
    node, cell, outcome, count(*), min(claimed_at), max(ended_at), sum(took), max(took),
    max(run_id)
FROM (
    SELECT
        node, run_id, claimed_at, ended_at, coalesce(outcome, 'active') AS outcome,
        max(coalesce(ended_at, claimed_at) - claimed_at, 0) AS took,
        CASE WHEN claimed_at < :start THEN -1
            ELSE (claimed_at - :start) * :cells / (:end - :start) END AS cell
    FROM (
        SELECT * FROM (
            SELECT node, run_id, claimed_at, ended_at, outcome FROM run
            WHERE ended_at >= :start AND ended_at < :end
            ORDER BY ended_at DESC
            LIMIT :seen
        )
        UNION ALL
        SELECT * FROM (
            SELECT node, run_id, claimed_at, ended_at, outcome FROM run
            WHERE ended_at >= :end
            ORDER BY ended_at
            LIMIT :seen
        )
        UNION ALL
        SELECT node, run_id, claimed_at, ended_at, outcome FROM run WHERE ended_at IS NULL
    )
    WHERE claimed_at < :end
)
GROUP BY node, cell, outcome;

-- name: window_skips_of_job
SELECT
    :job, cell, reason, sum(count), min(first), max(last), max(detail), max(blocker)
FROM (
    SELECT
        reason, count, first, last, detail, blocker,
        CASE WHEN first < :start THEN -1
            ELSE (first - :start) * :cells / (:end - :start) END AS cell
    FROM tick
    WHERE job_id = (SELECT job.id FROM job WHERE name = :job)
        AND last >= :start AND first < :end AND reason IS NOT NULL
    ORDER BY last DESC
    LIMIT :seen
)
GROUP BY cell, reason;

-- name: window_skips
SELECT
    node, cell, reason, sum(count), min(decided_at), max(decided_at), max(detail), max(blocker)
FROM (
    SELECT
        node, reason, count, decided_at, detail, blocker,
        (decided_at - :start) * :cells / (:end - :start) AS cell
    FROM tick
    WHERE reason IS NOT NULL AND decided_at >= :start AND decided_at < :end
    ORDER BY decided_at DESC
    LIMIT :seen
)
GROUP BY node, cell, reason;
