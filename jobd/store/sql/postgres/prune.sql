-- Retention, a few hundred rows at a time: what is beyond the newest so many of its job, then what
-- is too old. Rows of ticks later than their job's settled_until stay: something before them is
-- still open. Jobs that are busy are left for the next time: no claim waits for long.

-- name: prune_runs
CREATE OR REPLACE FUNCTION jobd.prune_runs(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    chunk  bigint[];
    ids    bigint[];
    gone   jsonb;
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    IF asked ? 'after' THEN
        chunk := jobd.chunk_after((asked ->> 'after')::bigint);
        ids := jobd.crowded_runs(chunk, (asked ->> 'keep')::bigint, (asked ->> 'limit')::bigint);
    ELSE
        ids := ARRAY(
            SELECT run.id FROM jobd.run JOIN jobd.job ON job.id = run.job_id
            WHERE run.ended_at IS NOT NULL AND run.changed_at < (asked ->> 'older_than')::bigint
                AND jobd.may_go(run.job_id, job.settled_until, run.fire_time)
            ORDER BY run.changed_at LIMIT (asked ->> 'limit')::bigint
        );
    END IF;
    gone := jobd.delete_runs(ids);
    RETURN jsonb_build_object(
        'gone', gone, 'last', chunk[cardinality(chunk)],
        -- Where all of a batch were busy, the same would be found again.
        'is_full', cardinality(ids) >= (asked ->> 'limit')::bigint AND jsonb_array_length(gone) > 0
    );
END $$;

-- name: chunk_after
CREATE OR REPLACE FUNCTION jobd.chunk_after(after bigint) RETURNS bigint[]
LANGUAGE sql STABLE
AS $$ SELECT ARRAY(SELECT id FROM jobd.job WHERE id > after ORDER BY id LIMIT 200) $$;

-- name: may_go
-- Whether nothing up to a tick is still open, so that its row may be forgotten.
CREATE OR REPLACE FUNCTION jobd.may_go(its_job bigint, settled_until bigint, instant bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN instant IS NULL OR instant <= settled_until
        OR NOT EXISTS (SELECT FROM jobd.roll WHERE roll.job_id = its_job);
END $$;

-- name: crowded_runs
CREATE OR REPLACE FUNCTION jobd.crowded_runs(chunk bigint[], keep bigint, most bigint)
RETURNS bigint[]
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN ARRAY(
        SELECT run.id FROM jobd.job
        CROSS JOIN LATERAL (
            SELECT kept.id FROM jobd.run AS kept
            WHERE kept.job_id = job.id AND kept.ended_at IS NOT NULL
            ORDER BY kept.id DESC OFFSET keep LIMIT 1
        ) AS edge
        JOIN jobd.run ON run.job_id = job.id AND run.id <= edge.id AND run.ended_at IS NOT NULL
        WHERE job.id = ANY (chunk)
            AND jobd.may_go(job.id, job.settled_until, run.fire_time)
        LIMIT most
    );
END $$;

-- name: delete_runs
-- With a run its tick goes, and is kept in mind as forgotten: a clock set back does not run it
-- a second time.
CREATE OR REPLACE FUNCTION jobd.delete_runs(ids bigint[]) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    held bigint[];
    gone jsonb;
BEGIN
    held := ARRAY(
        SELECT id FROM jobd.job
        WHERE id IN (SELECT job_id FROM jobd.run WHERE ended_at IS NOT NULL AND id = ANY (ids))
        ORDER BY id
        FOR NO KEY UPDATE SKIP LOCKED
    );
    WITH deleted AS (
        DELETE FROM jobd.run USING jobd.job
        WHERE run.ended_at IS NOT NULL AND run.id = ANY (ids) AND run.job_id = ANY (held)
            AND job.id = run.job_id
            AND jobd.may_go(job.id, job.settled_until, run.fire_time)
        RETURNING run.run_id, run.job_id, run.fire_time
    ), unticked AS (
        DELETE FROM jobd.tick USING deleted
        WHERE tick.job_id = deleted.job_id
            AND tick.last = deleted.fire_time AND tick.first = deleted.fire_time
    ), forgotten AS (
        UPDATE jobd.job SET forgotten = jobd.joined(job.forgotten || spans.added)
        FROM (
            SELECT job_id, jsonb_agg(jsonb_build_array(fire_time, fire_time)) AS added
            FROM deleted WHERE fire_time IS NOT NULL
            GROUP BY job_id
        ) AS spans
        WHERE job.id = spans.job_id
    )
    SELECT coalesce(jsonb_agg(run_id), '[]') INTO gone FROM deleted;
    RETURN gone;
END $$;

-- name: joined
-- Spans in order, those that lie no more than eight days apart as one; see jobd.store.forgotten.
CREATE OR REPLACE FUNCTION jobd.joined(spans jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    WITH span AS (
        SELECT (s ->> 0)::bigint AS first, (s ->> 1)::bigint AS last
        FROM jsonb_array_elements(spans) AS s
    ), edge AS (
        SELECT first, last, coalesce(first - max(last) OVER (
            ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) > 691200000000, true)::integer AS is_edge
        FROM span
    ), island AS (
        SELECT first, last, sum(is_edge) OVER (
            ORDER BY first, last ROWS UNBOUNDED PRECEDING
        ) AS number
        FROM edge
    )
    SELECT coalesce(jsonb_agg(jsonb_build_array(first, last) ORDER BY first), '[]')
    FROM (
        SELECT min(first) AS first, max(last) AS last FROM island GROUP BY number
    ) AS whole
$$;

-- name: prune_skips
CREATE OR REPLACE FUNCTION jobd.prune_skips(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    chunk  bigint[];
    keys   jsonb;
    number bigint;
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    IF asked ? 'after' THEN
        chunk := jobd.chunk_after((asked ->> 'after')::bigint);
        keys := jobd.crowded_skips(chunk, (asked ->> 'keep')::bigint, (asked ->> 'limit')::bigint);
    ELSE
        keys := (SELECT jsonb_agg(to_jsonb(old)) FROM (
            SELECT tick.job_id, tick.last, tick.first
            FROM jobd.tick JOIN jobd.job ON job.id = tick.job_id
            WHERE tick.reason IS NOT NULL AND tick.decided_at < (asked ->> 'older_than')::bigint
                AND jobd.may_go(tick.job_id, job.settled_until, tick.last)
            ORDER BY tick.decided_at LIMIT (asked ->> 'limit')::bigint
        ) AS old);
    END IF;
    DELETE FROM jobd.tick
    USING jsonb_to_recordset(coalesce(keys, '[]')) AS key (job_id bigint, last bigint, first bigint)
    WHERE tick.job_id = key.job_id AND tick.last = key.last AND tick.first = key.first
        AND tick.reason IS NOT NULL;
    GET DIAGNOSTICS number = ROW_COUNT;
    RETURN jsonb_build_object('gone', '[]'::jsonb, 'is_full', number >= (asked ->> 'limit')::bigint,
        'last', chunk[cardinality(chunk)]);
END $$;

-- name: crowded_skips
CREATE OR REPLACE FUNCTION jobd.crowded_skips(chunk bigint[], keep bigint, most bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT jsonb_agg(to_jsonb(crowded)) FROM (
        SELECT tick.job_id, tick.last, tick.first FROM jobd.job
        CROSS JOIN LATERAL (
            SELECT kept.last, kept.first FROM jobd.tick AS kept
            WHERE kept.job_id = job.id AND kept.reason IS NOT NULL
            ORDER BY kept.last DESC, kept.first DESC OFFSET keep LIMIT 1
        ) AS edge
        JOIN jobd.tick
            ON tick.job_id = job.id AND (tick.last, tick.first) <= (edge.last, edge.first)
        WHERE job.id = ANY (chunk) AND tick.reason IS NOT NULL
            AND jobd.may_go(job.id, job.settled_until, tick.last)
        LIMIT most
    ) AS crowded);
END $$;

-- name: prune_nodes
-- A node that has not been seen for so long, and what it has on the roll; one at a time, but as
-- a whole: if it comes back meanwhile, its beat comes first and it stays, or its beat finds it
-- unknown and it enrols anew.
CREATE OR REPLACE FUNCTION jobd.prune_nodes(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    its_name text;
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    SELECT name INTO its_name FROM jobd.node
    WHERE seen_at < (asked ->> 'older_than')::bigint
    ORDER BY name LIMIT 1
    FOR UPDATE SKIP LOCKED;
    DELETE FROM jobd.roll WHERE roll.node = its_name;
    DELETE FROM jobd.node WHERE name = its_name;
    RETURN jsonb_build_object('gone', '[]'::jsonb, 'is_full', its_name IS NOT NULL);
END $$;
