-- What happened in a stretch of time, gathered by cells of it.

-- name: runs_within
-- A job's runs are found by the job, those of nodes by when their end was told, which is never
-- before they ended: each has an index. Of a window in the past, also what ended later, and as
-- little of it as of the rest is looked at.
-- No LIMIT on a job's: for its sake the planner would walk through the runs of all jobs.
CREATE OR REPLACE FUNCTION jobd.runs_within(asked jsonb) RETURNS TABLE (
    lane text, run_id text, claimed_at bigint, ended_at bigint, outcome text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
    since bigint := (asked ->> 'start')::bigint;
    until bigint := (asked ->> 'end')::bigint;
    seen  bigint := (asked ->> 'seen')::bigint;
    its   record;
BEGIN
    FOR its IN SELECT id, name FROM jobd.job
        WHERE name IN (SELECT jsonb_array_elements_text(nullif(asked -> 'jobs', 'null')))
    LOOP
        RETURN QUERY
            SELECT its.name, run.run_id, run.claimed_at, run.ended_at, run.outcome FROM (
                SELECT *, row_number() OVER (ORDER BY id DESC) AS place
                FROM jobd.run WHERE job_id = its.id AND run.ended_at IS NOT NULL
            ) AS run
            WHERE place <= seen AND run.ended_at >= since AND run.claimed_at < until
            UNION ALL
            SELECT its.name, run.run_id, run.claimed_at, run.ended_at, 'active' FROM jobd.run
            WHERE job_id = its.id AND run.ended_at IS NULL AND run.claimed_at < until;
    END LOOP;
    IF jsonb_typeof(asked -> 'jobs') = 'null' THEN
        RETURN QUERY
            SELECT * FROM (
                SELECT run.node, run.run_id, run.claimed_at, run.ended_at, run.outcome
                FROM jobd.run
                WHERE run.ended_at IS NOT NULL AND changed_at >= since AND changed_at < until
                ORDER BY changed_at DESC LIMIT seen
            ) AS ended
            WHERE ended.ended_at >= since AND ended.claimed_at < until
            UNION ALL
            SELECT * FROM (
                SELECT run.node, run.run_id, run.claimed_at, run.ended_at, run.outcome
                FROM jobd.run
                WHERE run.ended_at IS NOT NULL AND changed_at >= until
                ORDER BY changed_at LIMIT seen
            ) AS later
            WHERE later.ended_at >= since AND later.claimed_at < until
            UNION ALL
            SELECT run.node, run.run_id, run.claimed_at, run.ended_at, 'active' FROM jobd.run
            WHERE run.ended_at IS NULL AND run.claimed_at < until;
    END IF;
END $$;

-- name: skips_within
CREATE OR REPLACE FUNCTION jobd.skips_within(asked jsonb) RETURNS TABLE (
    lane text, reason text, count bigint, first bigint, last bigint, detail text, blocker text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
    since bigint := (asked ->> 'start')::bigint;
    until bigint := (asked ->> 'end')::bigint;
    seen  bigint := (asked ->> 'seen')::bigint;
    its   record;
BEGIN
    FOR its IN SELECT id, name FROM jobd.job
        WHERE name IN (SELECT jsonb_array_elements_text(nullif(asked -> 'jobs', 'null')))
    LOOP
        RETURN QUERY
            SELECT its.name, tick.reason, tick.count, tick.first, tick.last, tick.detail,
                tick.blocker
            FROM jobd.tick
            WHERE job_id = its.id AND tick.last >= since AND tick.first < until
                AND tick.reason IS NOT NULL
            ORDER BY tick.last DESC LIMIT seen;
    END LOOP;
    IF jsonb_typeof(asked -> 'jobs') = 'null' THEN
        RETURN QUERY
            SELECT tick.node, tick.reason, tick.count, decided_at, decided_at, tick.detail,
                tick.blocker
            FROM jobd.tick
            WHERE tick.reason IS NOT NULL AND decided_at >= since AND decided_at < until
            ORDER BY decided_at DESC LIMIT seen;
    END IF;
END $$;

-- name: cell_of
-- Without a search_path of its own, or it would be called for each of 50,000 runs, which takes a
-- second, and not become part of the question; that has one.
CREATE OR REPLACE FUNCTION jobd.cell_of(instant bigint, asked jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN instant < (asked ->> 'start')::bigint THEN -1 ELSE
        (instant - (asked ->> 'start')::bigint) * (asked ->> 'cells')::bigint
        / ((asked ->> 'end')::bigint - (asked ->> 'start')::bigint)
    END
$$;

-- name: happened
CREATE OR REPLACE FUNCTION jobd.happened(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    SELECT jsonb_build_object(
        'runs', (
            SELECT coalesce(jsonb_agg(jsonb_build_array(
                lane, cell, outcome, runs, begun, ended, took, longest, run_id
            )), '[]')
            FROM (
                SELECT
                    lane, cell, outcome, count(*) AS runs, min(claimed_at) AS begun,
                    max(ended_at) AS ended, sum(took) AS took, max(took) AS longest,
                    max(run_id COLLATE "C") AS run_id
                FROM (
                    SELECT *, jobd.cell_of(claimed_at, asked) AS cell,
                        greatest(coalesce(ended_at, claimed_at) - claimed_at, 0) AS took
                    FROM jobd.runs_within(asked)
                ) AS run
                GROUP BY lane, cell, outcome
            ) AS gathered
        ),
        'skips', (
            SELECT coalesce(jsonb_agg(jsonb_build_array(
                lane, cell, reason, ticks, first, last, detail, blocker
            )), '[]')
            FROM (
                SELECT
                    lane, cell, reason, sum(count) AS ticks, min(first) AS first,
                    max(last) AS last, max(detail COLLATE "C") AS detail,
                    max(blocker COLLATE "C") AS blocker
                FROM (
                    SELECT *, jobd.cell_of(first, asked) AS cell FROM jobd.skips_within(asked)
                ) AS skip
                GROUP BY lane, cell, reason
            ) AS gathered
        )
    )
$$;
