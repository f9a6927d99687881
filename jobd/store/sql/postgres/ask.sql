-- Questions of people and pages.

-- name: run
CREATE OR REPLACE FUNCTION jobd.run(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    prefix text := asked ->> 'prefix';
    ids    text[] := ARRAY(SELECT run.run_id FROM jobd.run WHERE run.run_id = prefix);
BEGIN
    IF ids = '{}' THEN
        -- Two are enough to know that a prefix says too little.
        ids := ARRAY(
            SELECT run.run_id FROM jobd.run
            WHERE run.run_id >= prefix AND run.run_id < prefix || chr(1114111)
            ORDER BY run.run_id
            LIMIT 2
        );
    END IF;
    RETURN jsonb_build_object('run', CASE WHEN cardinality(ids) = 1 THEN (
        SELECT to_jsonb(record) FROM jobd.run_record AS record WHERE record.run_id = ids[1]
    ) END);
END $$;

-- name: runs
-- Active runs are few; of ended ones each question has an index that is walked newest first.
CREATE OR REPLACE FUNCTION jobd.runs(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    its_job text := asked ->> 'job';
    wanted  text := asked ->> 'outcome';
    most    bigint := (asked ->> 'limit')::bigint;
    job_ids bigint[] := ARRAY(SELECT id FROM jobd.job WHERE name = its_job);
    active  bigint[] := '{}';
    ended   bigint[] := '{}';
BEGIN
    IF wanted IS NULL OR wanted = 'active' THEN
        active := ARRAY(
            SELECT id FROM jobd.run
            WHERE ended_at IS NULL AND (its_job IS NULL OR job_id = ANY (job_ids))
            ORDER BY id DESC LIMIT most
        );
    END IF;
    IF wanted = 'active' THEN
        NULL;
    ELSIF its_job IS NOT NULL THEN
        ended := ARRAY(
            SELECT id FROM jobd.run
            WHERE ended_at IS NOT NULL AND job_id = job_ids[1]
                AND (wanted IS NULL OR outcome = wanted)
            ORDER BY id DESC LIMIT most
        );
    ELSIF wanted IS NULL OR wanted = 'success' THEN
        ended := ARRAY(
            SELECT id FROM jobd.run
            WHERE ended_at IS NOT NULL AND (wanted IS NULL OR outcome = wanted)
            ORDER BY id DESC LIMIT most
        );
    ELSE
        ended := ARRAY(
            SELECT id FROM jobd.run
            WHERE ended_at IS NOT NULL AND outcome <> 'success' AND outcome = wanted
            ORDER BY id DESC LIMIT most
        );
    END IF;
    RETURN jsonb_build_object('runs', (
        SELECT coalesce(jsonb_agg(to_jsonb(newest) ORDER BY newest.id DESC), '[]') FROM (
            SELECT * FROM (
                SELECT * FROM jobd.run_record WHERE ended_at IS NULL AND id = ANY (active)
                UNION ALL
                SELECT * FROM jobd.run_record WHERE ended_at IS NOT NULL AND id = ANY (ended)
            ) AS record
            ORDER BY id DESC LIMIT most
        ) AS newest
    ));
END $$;

-- name: ticks
CREATE OR REPLACE FUNCTION jobd.ticks(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    its_job bigint := (SELECT id FROM jobd.job WHERE name = asked ->> 'job');
    instant bigint := (asked ->> 'at')::bigint;
    most    bigint := (asked ->> 'limit')::bigint;
    found   jsonb;
BEGIN
    IF instant IS NULL THEN
        found := (SELECT jsonb_agg(to_jsonb(row) ORDER BY row.last DESC, row.first DESC) FROM (
            SELECT * FROM jobd.tick_record WHERE job_id = its_job
            ORDER BY last DESC, first DESC LIMIT most
        ) AS row);
        RETURN jsonb_build_object('ticks', coalesce(found, '[]'));
    END IF;
    found := (SELECT jsonb_agg(to_jsonb(row) ORDER BY row.last DESC, row.first DESC) FROM (
        SELECT * FROM jobd.tick_record
        WHERE job_id = its_job AND (
            (last = instant AND first = instant)
            OR (first < last AND last >= instant AND first <= instant)
        )
        ORDER BY last DESC, first DESC LIMIT greatest(most, 1)
    ) AS row);
    IF found IS NULL THEN
        found := (SELECT jsonb_agg(to_jsonb(row) ORDER BY row.last DESC) FROM (
            (
                SELECT * FROM jobd.tick_record
                WHERE job_id = its_job AND last > instant AND first > instant
                ORDER BY first, last LIMIT 1
            ) UNION ALL (
                SELECT * FROM jobd.tick_record WHERE job_id = its_job AND last < instant
                ORDER BY last DESC, first DESC LIMIT 1
            )
        ) AS row);
    END IF;
    RETURN jsonb_build_object('ticks', coalesce(found, '[]'));
END $$;

-- name: skip_counts
CREATE OR REPLACE FUNCTION jobd.skip_counts(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    SELECT jsonb_build_object(
        'counts', coalesce(jsonb_agg(jsonb_build_array(job, reason, total)), '[]')
    )
    FROM (
        SELECT job, reason, sum(count) AS total FROM jobd.tick_record
        WHERE reason IS NOT NULL AND decided_at >= (asked ->> 'since')::bigint
        GROUP BY job, reason
    ) AS counted
$$;

-- name: usage
-- An even sample of about so many, chosen in the index alone: rows of one job lie far apart.
-- 2654435769 is 2^32 divided by the golden ratio. No LIMIT inside: for its sake the planner would
-- walk through the runs of all jobs. Daemons that do not ask for what earlier attempts were know
-- five figures of a run.
CREATE OR REPLACE FUNCTION jobd.usage(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
    seen  bigint := (asked ->> 'seen')::bigint;
    bound bigint := (asked ->> 'most')::bigint * 4294967296;
    its   record;
    ids   bigint[];
    uses  jsonb;
    found jsonb := '[]';
BEGIN
    FOR its IN SELECT id, name FROM jobd.job
        WHERE name IN (SELECT jsonb_array_elements_text(asked -> 'jobs'))
    LOOP
        ids := ARRAY(
            SELECT id FROM (
                SELECT id, row_number() OVER (ORDER BY id DESC) - 1 AS place,
                    least(count(*) OVER (), seen) AS total
                FROM jobd.run WHERE job_id = its.id AND ended_at IS NOT NULL
            ) AS counted
            WHERE place < seen AND place * 2654435769 % 4294967296 * total < bound
        );
        uses := (
            SELECT jsonb_agg(
                jsonb_build_array(ended_at, outcome, duration_s, memory_peak_bytes, steps)
                || CASE WHEN NOT asked ? 'earlier' THEN '[]' ELSE jsonb_build_array(
                    CASE attempt WHEN 1 THEN 0.0 ELSE greatest(
                        (ended_at - claimed_at)::double precision / 1e6 - duration_s, 0.0
                    ) END,
                    retried
                ) END ORDER BY id
            )
            FROM jobd.run
            WHERE id = ANY (ids) AND ended_at IS NOT NULL AND duration_s IS NOT NULL
                AND outcome IN ('success', 'timeout', 'oom')
        );
        IF uses IS NOT NULL THEN
            found := found || jsonb_build_array(jsonb_build_array(its.name, uses));
        END IF;
    END LOOP;
    RETURN jsonb_build_object('usage', found);
END $$;

-- name: note
CREATE OR REPLACE FUNCTION jobd.note(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO jobd.audit (at, by, action, target, detail)
    VALUES (
        (asked ->> 'at')::bigint, asked ->> 'by', asked ->> 'action', asked ->> 'target',
        asked ->> 'detail'
    )
    ON CONFLICT DO NOTHING;
    DELETE FROM jobd.audit WHERE id <= (
        SELECT id FROM jobd.audit ORDER BY id DESC OFFSET (asked ->> 'kept')::bigint LIMIT 1
    );
    SELECT '{}'::jsonb
$$;

-- name: audit
CREATE OR REPLACE FUNCTION jobd.audit(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    most bigint := (asked ->> 'limit')::bigint;
    ids  bigint[];
BEGIN
    IF asked ->> 'target' IS NULL THEN
        ids := ARRAY(SELECT id FROM jobd.audit ORDER BY id DESC LIMIT most);
    ELSE
        ids := ARRAY(
            SELECT id FROM jobd.audit WHERE target = asked ->> 'target'
            ORDER BY id DESC LIMIT most
        );
    END IF;
    RETURN jsonb_build_object('audit', (
        SELECT coalesce(jsonb_agg(to_jsonb(audit) ORDER BY id DESC), '[]')
        FROM jobd.audit WHERE id = ANY (ids)
    ));
END $$;
