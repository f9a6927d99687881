-- The roll, wishes of operators, and what is saved of active runs.

-- name: memories
-- What is remembered of jobs, their active runs of all nodes included.
CREATE OR REPLACE FUNCTION jobd.memories(ids bigint[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(to_jsonb(known) ORDER BY known.id), '[]') FROM (
            SELECT job.*, (
                SELECT jsonb_agg(to_jsonb(run) ORDER BY run.id)
                FROM jobd.active_run AS run WHERE run.job_id = job.id
            ) AS active
            FROM jobd.job WHERE job.id = ANY (ids)
        ) AS known
    );
END $$;

-- name: lock_jobs
-- Lock jobs in the order that all keep; refuse a name that was never enrolled.
CREATE OR REPLACE FUNCTION jobd.lock_jobs(names jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    wanted text[] := ARRAY(SELECT jsonb_array_elements_text(names));
BEGIN
    PERFORM FROM jobd.job WHERE name = ANY (wanted) ORDER BY id FOR NO KEY UPDATE;
    PERFORM jobd.refuse_unknown(wanted);
END $$;

-- name: enrol
-- One node at a time: else two that start together could each wait for a job of the other.
CREATE OR REPLACE FUNCTION jobd.enrol(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    me      text := asked ->> 'node';
    instant bigint;
    ids     bigint[];
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM pg_advisory_xact_lock(1785688932, 1);
    instant := jobd.now();
    INSERT INTO jobd.job (name, schedule, settled_until, touched_at)
    SELECT wanted.name, wanted.schedule, instant, instant
    FROM jsonb_to_recordset(asked -> 'jobs') AS wanted (name text, schedule text)
    WHERE NOT EXISTS (SELECT FROM jobd.job WHERE job.name = wanted.name);

    ids := ARRAY(
        SELECT job.id
        FROM jsonb_to_recordset(asked -> 'jobs') AS wanted (name text)
        JOIN jobd.job ON job.name = wanted.name
    );
    PERFORM jobd.begin_anew(asked -> 'jobs', instant);
    INSERT INTO jobd.roll (job_id, node) SELECT unnest(ids), me ON CONFLICT DO NOTHING;
    DELETE FROM jobd.roll WHERE node = me AND job_id NOT IN (SELECT unnest(ids));
    RETURN jsonb_build_object('at', instant, 'jobs', jobd.memories(ids));
END $$;

-- name: begin_anew
-- A job that no node had, or whose schedule changed: its past is not owed.
CREATE OR REPLACE FUNCTION jobd.begin_anew(jobs jsonb, instant bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    changed bigint[];
BEGIN
    changed := ARRAY(
        SELECT job.id
        FROM jsonb_to_recordset(jobs) AS wanted (name text, schedule text)
        JOIN jobd.job ON job.name = wanted.name
        WHERE job.schedule <> wanted.schedule
            OR NOT EXISTS (SELECT FROM jobd.roll WHERE roll.job_id = job.id)
    );
    PERFORM FROM jobd.job WHERE id = ANY (changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE jobd.job
    SET schedule = wanted.schedule, settled_until = instant, touched_at = instant
    FROM jsonb_to_recordset(jobs) AS wanted (name text, schedule text)
    WHERE job.name = wanted.name AND job.id = ANY (changed);
END $$;

-- name: orphans
CREATE OR REPLACE FUNCTION jobd.orphans(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('runs', coalesce(jsonb_agg(to_jsonb(run) ORDER BY run.id), '[]'))
    FROM jobd.active_run AS run
    WHERE run.node = asked ->> 'node' AND NOT EXISTS (
        SELECT FROM jobd.roll WHERE roll.job_id = run.job_id AND roll.node = run.node
    )
$$;

-- name: save_pause
CREATE OR REPLACE FUNCTION jobd.save_pause(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM jobd.lock_jobs(asked -> 'jobs');
    UPDATE jobd.job SET pause = nullif(asked -> 'pause', 'null'), touched_at = jobd.now()
    WHERE name IN (SELECT jsonb_array_elements_text(asked -> 'jobs'));
    RETURN '{}';
END $$;

-- name: save_skip_next
CREATE OR REPLACE FUNCTION jobd.save_skip_next(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM jobd.lock_jobs(asked -> 'jobs');
    UPDATE jobd.job SET skip_next = nullif(asked -> 'pause', 'null'), touched_at = jobd.now()
    WHERE name IN (SELECT jsonb_array_elements_text(asked -> 'jobs'));
    RETURN '{}';
END $$;

-- name: save_run
CREATE OR REPLACE FUNCTION jobd.save_run(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM jobd.lock_jobs(asked -> 'jobs');
    PERFORM jobd.save_all(asked -> 'saves');
    RETURN '{}';
END $$;

-- name: void_load
-- The jobs of which something later than now is settled, locked until the transaction ends, and
-- all their ledger rows that can matter: what the client cuts needs their schedules.
CREATE OR REPLACE FUNCTION jobd.void_load(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instant bigint := jobd.now();
    ids     bigint[];
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM FROM jobd.job
    WHERE greatest(
        settled_until, decided_until, CASE WHEN rest_until IS NOT NULL THEN last_ended END
    ) > instant
    ORDER BY id
    FOR NO KEY UPDATE;
    ids := ARRAY(
        SELECT id FROM jobd.job
        WHERE greatest(
            settled_until, decided_until, CASE WHEN rest_until IS NOT NULL THEN last_ended END
        ) > instant
    );
    RETURN jsonb_build_object('at', instant, 'jobs', jobd.memories(ids), 'ticks', (
        SELECT coalesce(jsonb_agg(to_jsonb(row) ORDER BY row.id), '[]')
        FROM jobd.tick_record AS row
        JOIN (
            SELECT job_id, least(min(first), instant) AS start FROM jobd.tick
            WHERE job_id = ANY (ids) AND last > instant
            GROUP BY job_id
        ) AS ahead ON row.job_id = ahead.job_id AND row.last >= ahead.start
    ));
END $$;

-- name: void_apply
CREATE OR REPLACE FUNCTION jobd.void_apply(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM jobd.tick
    USING jsonb_to_recordset(asked -> 'cuts')
        AS cut (job_id bigint, first bigint, last bigint, new_last bigint)
    WHERE tick.job_id = cut.job_id AND tick.last = cut.last AND tick.first = cut.first
        AND cut.new_last IS NULL;
    UPDATE jobd.tick SET last = cut.new_last, count = cut.new_count
    FROM jsonb_to_recordset(asked -> 'cuts')
        AS cut (job_id bigint, first bigint, last bigint, new_last bigint, new_count bigint)
    WHERE tick.job_id = cut.job_id AND tick.last = cut.last AND tick.first = cut.first
        AND cut.new_last IS NOT NULL;
    UPDATE jobd.job SET
        settled_until = known.settled_until, decided_until = known.decided_until,
        rest_until = known.rest_until, touched_at = jobd.now()
    FROM jsonb_to_recordset(asked -> 'jobs')
        AS known (id bigint, settled_until bigint, decided_until bigint, rest_until bigint)
    WHERE job.id = known.id;
    RETURN '{}';
END $$;
