-- Leases, and what nodes tell each other.

-- name: renew
-- Locks runs only, no job: however many claims wait for a job, its holder keeps its lease.
CREATE OR REPLACE FUNCTION jobd.renew(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    answers jsonb;
    instant bigint;
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM FROM jobd.run
    WHERE run_id IN (SELECT h ->> 'run_id' FROM jsonb_array_elements(asked -> 'holdings') AS h)
        AND ended_at IS NULL
    ORDER BY id
    FOR NO KEY UPDATE;
    instant := jobd.now();
    WITH renewed AS (
        UPDATE jobd.run SET
            lease_until = instant + (asked ->> 'ttl')::bigint, ttl = (asked ->> 'ttl')::bigint
        FROM jsonb_to_recordset(asked -> 'holdings')
            AS held (run_id text, token bigint)
        WHERE run.run_id = held.run_id AND run.token = held.token
            AND run.node = asked ->> 'node' AND run.ended_at IS NULL
        RETURNING run.run_id, run.token
    )
    SELECT coalesce(jsonb_agg(held.pos), '[]') INTO answers
    FROM jsonb_to_recordset(asked -> 'holdings') AS held (pos integer, run_id text, token bigint)
    JOIN renewed ON renewed.run_id = held.run_id AND renewed.token = held.token;
    RETURN jsonb_build_object('at', instant, 'renewed', answers);
END $$;

-- name: take_over
CREATE OR REPLACE FUNCTION jobd.take_over(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answers jsonb := '[]';
    ended   jsonb := '[]';
    instant bigint;
    wish    record;
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM FROM jobd.job
    WHERE name IN (SELECT w ->> 'job' FROM jsonb_array_elements(asked -> 'wishes') AS w)
    ORDER BY id
    FOR NO KEY UPDATE;
    instant := jobd.now();
    IF instant > (asked ->> 'not_after')::bigint THEN
        RETURN jsonb_build_object('at', instant, 'taken', answers);
    END IF;
    PERFORM FROM jobd.run
    WHERE run_id IN (SELECT w ->> 'run_id' FROM jsonb_array_elements(asked -> 'wishes') AS w)
        AND ended_at IS NULL
    ORDER BY id
    FOR NO KEY UPDATE;
    PERFORM jobd.believe(instant);
    FOR wish IN
        SELECT * FROM jsonb_to_recordset(asked -> 'wishes')
            AS w (pos integer, run_id text, job text, token bigint, retry_at bigint)
        ORDER BY pos
    LOOP
        IF wish.retry_at IS NULL THEN
            IF EXISTS (
                SELECT FROM jobd.run
                WHERE run_id = wish.run_id AND token = wish.token AND ended_at IS NULL
                    AND lease_until <= instant
            ) THEN
                PERFORM jobd.end_as_lost(wish.run_id, wish.token, instant);
                ended := ended || jsonb_build_array(jsonb_build_array(wish.pos, (
                    SELECT to_jsonb(run) FROM jobd.run_record AS run
                    WHERE run.run_id = wish.run_id
                )));
            END IF;
        ELSIF jobd.go_on(
            wish.run_id, wish.token, wish.retry_at, asked ->> 'node',
            (asked ->> 'ttl')::bigint, instant
        ) THEN
            answers := answers || jsonb_build_array(jsonb_build_array(wish.pos, (
                SELECT to_jsonb(run) FROM jobd.active_run AS run WHERE run.run_id = wish.run_id
            )));
        END IF;
    END LOOP;
    RETURN jsonb_build_object('at', instant, 'taken', answers, 'ended', ended);
END $$;

-- name: end_as_lost
CREATE OR REPLACE FUNCTION jobd.end_as_lost(its_id text, its_token bigint, instant bigint)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    its_job bigint;
BEGIN
    UPDATE jobd.run SET
        ended_at = instant, changed_at = instant, outcome = 'lost', is_taken = true,
        reason = 'its lease ran out on ' || node, retry_at = NULL
    WHERE run_id = its_id AND token = its_token AND ended_at IS NULL AND lease_until <= instant
    RETURNING job_id INTO its_job;
    UPDATE jobd.job SET last_ended = instant, last_outcome = 'lost' WHERE id = its_job;
END $$;

-- name: go_on
-- The run's next attempt is this node's, under the job's next token. As between any two
-- attempts the row has the number of the one that is over. Of those that are over it keeps as
-- many as jobd.core.attempt does.
CREATE OR REPLACE FUNCTION jobd.go_on(
    its_id text, its_token bigint, its_retry_at bigint, me text, lease bigint, instant bigint
) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE jobd.run SET
        node = me, token = job.token + 1, retry_at = its_retry_at,
        ttl = lease, lease_until = instant + lease, changed_at = instant,
        retried = CASE WHEN run.retry_at IS NOT NULL THEN run.retried ELSE
            CASE WHEN jsonb_array_length(run.retried) >= 20 THEN run.retried - 0
                ELSE coalesce(run.retried, '[]') END
            || jsonb_build_array(jsonb_build_array(
                run.attempt, run.node, NULL, instant, 'lost', 'its lease ran out on ' || run.node,
                NULL, NULL, NULL
            )) END
    FROM jobd.job
    WHERE run.run_id = its_id AND run.token = its_token AND run.ended_at IS NULL
        AND run.lease_until <= instant AND job.id = run.job_id;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE jobd.job SET token = job.token + 1
    FROM jobd.run WHERE run.run_id = its_id AND job.id = run.job_id;
    RETURN true;
END $$;

-- name: ask_stop
-- Of runs, no jobs, as renew: a stop does not wait for claims.
CREATE OR REPLACE FUNCTION jobd.ask_stop(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM FROM jobd.run
    WHERE run_id IN (SELECT jsonb_object_keys(asked -> 'causes')) AND ended_at IS NULL
    ORDER BY id
    FOR NO KEY UPDATE;
    UPDATE jobd.run SET stop_cause = wish.value
    FROM jsonb_each_text(asked -> 'causes') AS wish
    WHERE run.run_id = wish.key AND run.ended_at IS NULL;
    RETURN jsonb_build_object('runs', (
        SELECT coalesce(jsonb_agg(to_jsonb(run)), '[]') FROM jobd.active_run AS run
        WHERE run.run_id IN (SELECT jsonb_object_keys(asked -> 'causes'))
    ));
END $$;

-- name: beat
-- Not waited for until it is on the disk: after a crash of the server it is told anew.
CREATE OR REPLACE FUNCTION jobd.beat(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    me      text := asked #>> '{word,node}';
    since   bigint := (asked ->> 'since')::bigint - 5000000;  -- commits may come late
    instant bigint;
    other   jsonb;
    is_new  boolean;
BEGIN
    PERFORM set_config('lock_timeout', asked ->> 'lock_timeout', true);
    PERFORM set_config('synchronous_commit', 'off', true);
    instant := jobd.now();
    SELECT word INTO other FROM jobd.node
    WHERE name = me AND word ->> 'state_id' <> asked #>> '{word,state_id}'
        AND seen_at > instant - 10000000 AND NOT (word ->> 'is_leaving')::boolean
    FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN jsonb_build_object('at', instant, 'other', other);
    END IF;
    INSERT INTO jobd.node AS known (name, word, started_at, seen_at)
    VALUES (me, asked -> 'word', instant, instant)
    ON CONFLICT (name) DO UPDATE SET
        word = excluded.word,
        seen_at = instant,
        started_at = CASE known.word ->> 'incarnation' WHEN excluded.word ->> 'incarnation'
            THEN known.started_at ELSE instant END
    RETURNING xmax = 0 INTO is_new;  -- nobody locked a row that was there before
    DELETE FROM jobd.letter WHERE sent_at < instant - 60000000;
    PERFORM jobd.believe(instant);
    RETURN jobd.view_of(me, since, instant) || jsonb_build_object('was_unknown', is_new);
END $$;

-- name: view_of
CREATE OR REPLACE FUNCTION jobd.view_of(me text, since bigint, instant bigint) RETURNS jsonb
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN jsonb_build_object(
        'at', instant,
        'nodes', (
            SELECT jsonb_agg(to_jsonb(node) ORDER BY name) FROM jobd.node
            WHERE seen_at >= instant - 86400000000
        ),
        'decided', jobd.decided_since(since),
        'jobs', jobd.memories(jobd.changed_jobs(since)),
        'overdue', (
            SELECT jsonb_agg(to_jsonb(run) ORDER BY run.id) FROM jobd.active_run AS run
            WHERE run.lease_until <= instant
        ),
        'stops', (
            SELECT jsonb_agg(jsonb_build_array(run_id, stop_cause) ORDER BY id) FROM jobd.run
            WHERE ended_at IS NULL AND stop_cause IS NOT NULL AND node = me
        ),
        'pools', (
            SELECT jsonb_object_agg(pool, taken) FROM (
                SELECT pool, sum(slots) AS taken FROM jobd.run
                WHERE ended_at IS NULL AND pool IS NOT NULL AND lease_until > instant
                GROUP BY pool
            ) AS used
        ),
        'letters', (
            SELECT jsonb_agg(to_jsonb(letter) ORDER BY sent_at, letter_id) FROM jobd.letter
            WHERE addressee = me AND reply IS NULL
        )
    );
END $$;

-- name: decided_since
-- A tick that was started has a run that was claimed in the same instant.
CREATE OR REPLACE FUNCTION jobd.decided_since(since bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (
        SELECT jsonb_agg(to_jsonb(row) ORDER BY row.id) FROM (
            SELECT * FROM jobd.tick_record WHERE reason IS NOT NULL AND decided_at >= since
            UNION ALL
            SELECT tick.* FROM (
                SELECT job_id, fire_time, claimed_at FROM jobd.run
                WHERE ended_at IS NULL AND changed_at >= since
                UNION ALL
                SELECT job_id, fire_time, claimed_at FROM jobd.run
                WHERE ended_at IS NOT NULL AND changed_at >= since
            ) AS started
            JOIN jobd.tick_record AS tick
                ON tick.job_id = started.job_id AND tick.first = started.fire_time
                AND tick.last = started.fire_time AND tick.reason IS NULL
            WHERE started.claimed_at >= since
        ) AS row
    );
END $$;

-- name: changed_jobs
-- Jobs of which a run began or ended, or a wish changed.
CREATE OR REPLACE FUNCTION jobd.changed_jobs(since bigint) RETURNS bigint[]
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN ARRAY(
        SELECT id FROM jobd.job WHERE touched_at >= since
        UNION
        SELECT job_id FROM jobd.run WHERE ended_at IS NULL AND changed_at >= since
        UNION
        SELECT job_id FROM jobd.run WHERE ended_at IS NOT NULL AND changed_at >= since
    );
END $$;

-- name: send
CREATE OR REPLACE FUNCTION jobd.send(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO jobd.letter (letter_id, sender, addressee, kind, body, sent_at)
    VALUES (
        asked ->> 'letter_id', asked ->> 'sender', asked ->> 'to', asked ->> 'kind',
        asked ->> 'body', jobd.now()
    )
    ON CONFLICT DO NOTHING;
    SELECT '{}'::jsonb
$$;

-- name: answer
-- The first answer stays.
CREATE OR REPLACE FUNCTION jobd.answer(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE jobd.letter SET reply = asked ->> 'body'
    WHERE letter_id = asked ->> 'letter_id' AND reply IS NULL;
    SELECT '{}'::jsonb
$$;

-- name: reply
CREATE OR REPLACE FUNCTION jobd.reply(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('reply', (
        SELECT reply FROM jobd.letter
        WHERE letter_id = asked ->> 'letter_id' AND sent_at >= jobd.now() - 60000000
    ))
$$;
