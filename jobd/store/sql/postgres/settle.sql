-- A batch of saved attempts, ends, skips and claims: one statement, one transaction, under the locks of its jobs.
-- Everything here is meant to be called by settle, which takes those locks.

-- name: settle
-- Rows are locked in one order everywhere (jobs by id, then runs by id, then pools by name), so
-- that batches cannot deadlock, and in the mode that an update takes anyway. The clock is read
-- once the jobs are locked. Requests that depend on one another come in waves, which are decided
-- one after another; within one, all at once.
CREATE OR REPLACE FUNCTION jobd.settle(batch jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    me      text := batch ->> 'node';
    lease   bigint := batch ->> 'ttl';
    names   text[];
    job_ids bigint[];
    instant bigint;
    is_idle boolean;
    again   jsonb;
    waves   jsonb;
    wave    jsonb;
    plain   jsonb;
    ended   jsonb := '[]';
    skipped jsonb := '[]';
    granted jsonb := '[]';
    claimed jsonb := '[]';
    lost    jsonb := '[]';
    told    jsonb;
BEGIN
    PERFORM set_config('lock_timeout', batch ->> 'lock_timeout', true);
    names := ARRAY(SELECT jsonb_array_elements_text(batch -> 'jobs'));
    job_ids := ARRAY(
        SELECT id FROM jobd.job WHERE name = ANY (names) ORDER BY id FOR NO KEY UPDATE
    );
    instant := jobd.now();
    IF batch ? 'skips' THEN
        again := jobd.miscounted(batch -> 'skips');
        IF again IS NOT NULL THEN
            RETURN jsonb_build_object('again', again);
        END IF;
    END IF;
    is_idle := NOT jobd.lock_runs(job_ids, batch, instant);
    IF batch ? 'pools' THEN
        PERFORM jobd.lock_pools(batch -> 'pools');
    END IF;
    IF batch ? 'saves' THEN
        PERFORM jobd.save_all(batch -> 'saves');
    END IF;
    waves := batch -> 'ends';
    FOR number IN 0 .. jsonb_array_length(waves) - 1 LOOP
        ended := ended || jobd.end_wave(waves -> number, me, instant);
    END LOOP;
    IF batch ? 'skips' THEN
        skipped := jobd.skip_all(batch -> 'skips', me, instant);
    END IF;
    waves := batch -> 'claims';
    FOR number IN 0 .. jsonb_array_length(waves) - 1 LOOP
        wave := waves -> number;
        plain := jobd.grant_plain(wave, is_idle AND number = 0, me, instant, lease);
        granted := granted || plain;
        IF jsonb_array_length(plain -> 0) < jsonb_array_length(wave -> 'pos') THEN
            told := jobd.claim_wave(
                wave, plain -> 0, me, instant, lease, (batch ->> 'takes_over')::boolean
                    AND coalesce(instant <= (batch ->> 'not_after')::bigint, true)
            );
            claimed := claimed || (told -> 'answers');
            lost := lost || (told -> 'lost');
        END IF;
    END LOOP;
    RETURN jsonb_build_object(
        'at', instant, 'ended', ended, 'skipped', skipped, 'granted', granted, 'claimed', claimed,
        'lost', CASE WHEN lost = '[]' THEN lost ELSE (
            SELECT jsonb_agg(to_jsonb(run) ORDER BY run.run_id COLLATE "C")
            FROM jobd.run_record AS run WHERE run.run_id IN (SELECT jsonb_array_elements_text(lost))
        ) END
    );
END $$;

-- name: lock_runs
-- The runs that a batch may change: those it names, and those whose lease has run out. A renewal
-- takes no lock of a job; once these are locked it has happened, or it comes too late. Returns
-- whether any of the jobs has an active run.
CREATE OR REPLACE FUNCTION jobd.lock_runs(job_ids bigint[], batch jsonb, instant bigint)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    run_ids jsonb;
BEGIN
    -- The names are gathered only where there is a run that can bear one.
    IF NOT EXISTS (
        SELECT FROM jobd.run WHERE job_id = ANY (job_ids) AND ended_at IS NULL
    ) THEN
        RETURN false;
    END IF;
    run_ids := jsonb_path_query_array(batch, '$.ends[*].run_id[*]')
        || jsonb_path_query_array(batch, '$.saves[*].run_id')
        || jsonb_path_query_array(batch, '$.claims[*].run_id[*]');
    PERFORM FROM jobd.run
    WHERE job_id = ANY (job_ids) AND ended_at IS NULL
        AND (lease_until <= instant OR lease_until > instant + ttl OR run_ids ? run_id)
    ORDER BY id
    FOR NO KEY UPDATE;
    IF FOUND THEN
        PERFORM jobd.believe(instant);
    END IF;
    RETURN true;
END $$;

-- name: believe
-- A lease that lasts longer than one that is given now is left from before the clock was set back.
-- It would bar its job for as long, so it is cut; that cannot be too short, as it counts from now.
CREATE OR REPLACE FUNCTION jobd.believe(instant bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM jobd.run WHERE ended_at IS NULL AND lease_until > instant + ttl;
    IF FOUND THEN
        WITH wrong AS (
            SELECT run_id FROM jobd.run
            WHERE ended_at IS NULL AND lease_until > instant + ttl
            ORDER BY id
            FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE jobd.run SET lease_until = instant + ttl
        FROM wrong
        WHERE run.run_id = wrong.run_id AND lease_until > instant + ttl;
    END IF;
END $$;

-- name: lock_pools
CREATE OR REPLACE FUNCTION jobd.lock_pools(names jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    wanted text[] := ARRAY(SELECT jsonb_array_elements_text(names) ORDER BY 1);
BEGIN
    IF EXISTS (
        SELECT FROM unnest(wanted) AS w (name)
        WHERE NOT EXISTS (SELECT FROM jobd.pool WHERE pool.name = w.name)
    ) THEN
        INSERT INTO jobd.pool (name) SELECT unnest(wanted) ON CONFLICT DO NOTHING;
    END IF;
    PERFORM FROM jobd.pool WHERE name = ANY (wanted) ORDER BY name FOR NO KEY UPDATE;
END $$;

-- name: save_all
-- Where active runs stand. They are saved one after another, as they may be the same run's.
CREATE OR REPLACE FUNCTION jobd.save_all(saves jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    one   record;
    saved bigint;
BEGIN
    FOR one IN
        SELECT * FROM jsonb_to_recordset(saves)
            AS s (
                run_id text, token bigint, attempt integer, retry_at bigint, started_at bigint,
                retried jsonb
            )
    LOOP
        UPDATE jobd.run SET
            attempt = one.attempt,
            retry_at = one.retry_at,
            started_at = coalesce(one.started_at, started_at),
            retried = coalesce(nullif(one.retried, 'null'), retried)
        WHERE run_id = one.run_id AND token = one.token AND ended_at IS NULL
        RETURNING job_id INTO saved;
        IF one.started_at IS NOT NULL THEN
            UPDATE jobd.job SET last_started = one.started_at WHERE id = saved;
        END IF;
    END LOOP;
END $$;

-- name: refuse_unknown
-- A defect of the caller: a job was never enrolled.
CREATE OR REPLACE FUNCTION jobd.refuse_unknown(names text[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    missing text;
BEGIN
    SELECT name INTO missing FROM unnest(names) AS wanted (name)
    WHERE NOT EXISTS (SELECT FROM jobd.job WHERE job.name = wanted.name);
    IF FOUND THEN
        RAISE EXCEPTION 'job % was never enrolled', missing USING ERRCODE = 'JB001';
    END IF;
END $$;

-- name: is_decided
-- Whether the ledger has, or had, a single tick of a job.
CREATE OR REPLACE FUNCTION jobd.is_decided(its_job bigint, forgotten jsonb, instant bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM jobd.tick WHERE job_id = its_job AND last = instant AND first = instant
    ) OR EXISTS (
        SELECT FROM jobd.tick
        WHERE job_id = its_job AND last >= instant AND first <= instant AND first < last
    ) OR EXISTS (
        SELECT FROM jsonb_array_elements(forgotten) AS span
        WHERE (span ->> 1)::bigint >= instant AND (span ->> 0)::bigint <= instant
    );
END $$;

-- name: ends_of
-- The ends of a wave, of its columns. One that is left out is null throughout.
CREATE OR REPLACE FUNCTION jobd.ends_of(wave jsonb) RETURNS TABLE (
    pos integer, run_id text, job text, token bigint, attempt integer, started_at bigint,
    ended_at bigint, outcome text, reason text, exit_code integer, signal integer,
    duration_s double precision, cpu_s double precision, memory_peak_bytes bigint,
    output_bytes bigint, output_dropped_bytes bigint, duration bigint, rest_until bigint,
    smoothed_duration_s double precision, expected_memory_bytes bigint,
    smoothed_lasted_s double precision, steps jsonb, retried jsonb
)
LANGUAGE sql IMMUTABLE ROWS 100
AS $$
    SELECT
        e.pos::integer, e.run_id, e.job, e.token::bigint, e.attempt::integer,
        e.started_at::bigint, e.ended_at::bigint, e.outcome, e.reason, e.exit_code::integer,
        e.signal::integer, e.duration_s::double precision, e.cpu_s::double precision,
        e.memory_peak_bytes::bigint, e.output_bytes::bigint, e.output_dropped_bytes::bigint,
        e.duration::bigint, e.rest_until::bigint, e.smoothed_duration_s::double precision,
        e.expected_memory_bytes::bigint, e.smoothed_lasted_s::double precision,
        nullif(e.steps, 'null'), nullif(e.retried, 'null')
    FROM ROWS FROM (
        jsonb_array_elements_text(wave -> 'pos'),
        jsonb_array_elements_text(wave -> 'run_id'),
        jsonb_array_elements_text(wave -> 'job'),
        jsonb_array_elements_text(wave -> 'token'),
        jsonb_array_elements_text(wave -> 'attempt'),
        jsonb_array_elements_text(wave -> 'started_at'),
        jsonb_array_elements_text(wave -> 'ended_at'),
        jsonb_array_elements_text(wave -> 'outcome'),
        jsonb_array_elements_text(wave -> 'reason'),
        jsonb_array_elements_text(wave -> 'exit_code'),
        jsonb_array_elements_text(wave -> 'signal'),
        jsonb_array_elements_text(wave -> 'duration_s'),
        jsonb_array_elements_text(wave -> 'cpu_s'),
        jsonb_array_elements_text(wave -> 'memory_peak_bytes'),
        jsonb_array_elements_text(wave -> 'output_bytes'),
        jsonb_array_elements_text(wave -> 'output_dropped_bytes'),
        jsonb_array_elements_text(wave -> 'duration'),
        jsonb_array_elements_text(wave -> 'rest_until'),
        jsonb_array_elements_text(wave -> 'smoothed_duration_s'),
        jsonb_array_elements_text(wave -> 'expected_memory_bytes'),
        jsonb_array_elements_text(wave -> 'smoothed_lasted_s'),
        jsonb_array_elements(wave -> 'steps'),
        jsonb_array_elements(wave -> 'retried')
    ) AS e (
        pos, run_id, job, token, attempt, started_at, ended_at, outcome, reason, exit_code, signal,
        duration_s, cpu_s, memory_peak_bytes, output_bytes, output_dropped_bytes, duration,
        rest_until, smoothed_duration_s, expected_memory_bytes, smoothed_lasted_s, steps, retried
    )
$$;

-- name: end_wave
-- The note of a late end bears the end's own instant, so that one that is told again stays one.
CREATE OR REPLACE FUNCTION jobd.end_wave(wave jsonb, me text, instant bigint) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    answers jsonb;
BEGIN
    WITH told AS MATERIALIZED (
        SELECT
            e.*, run.job_id,
            job.id IS NOT NULL AND run.token = e.token AND run.ended_at IS NULL AS is_held,
            job.id IS NOT NULL AND run.token = e.token AND run.ended_at IS NOT NULL
                AND NOT run.is_taken AS was_held
        FROM jobd.ends_of(wave) AS e
        LEFT JOIN jobd.run ON run.run_id = e.run_id
        LEFT JOIN jobd.job ON job.id = run.job_id AND job.name = e.job
    ), ended AS (
        UPDATE jobd.run SET
            attempt = told.attempt, started_at = coalesce(told.started_at, run.started_at),
            ended_at = told.ended_at, outcome = told.outcome, reason = told.reason,
            exit_code = told.exit_code, signal = told.signal, duration_s = told.duration_s,
            cpu_s = told.cpu_s, memory_peak_bytes = told.memory_peak_bytes,
            output_bytes = told.output_bytes, output_dropped_bytes = told.output_dropped_bytes,
            steps = told.steps, retried = coalesce(told.retried, run.retried), retry_at = NULL,
            changed_at = instant
        FROM told WHERE told.is_held AND run.run_id = told.run_id
    ), learnt AS (
        UPDATE jobd.job SET
            last_started = greatest(job.last_started, told.started_at),
            last_ended = told.ended_at,
            last_outcome = told.outcome,
            last_success = CASE told.outcome
                WHEN 'success' THEN told.ended_at ELSE job.last_success END,
            last_duration = coalesce(told.duration, job.last_duration),
            smoothed_duration_s = coalesce(told.smoothed_duration_s, job.smoothed_duration_s),
            -- An older daemon tells of attempts alone: better than nothing.
            smoothed_lasted_s = coalesce(
                told.smoothed_lasted_s, job.smoothed_lasted_s, told.smoothed_duration_s
            ),
            memory_peak_bytes = coalesce(told.memory_peak_bytes, job.memory_peak_bytes),
            expected_memory_bytes =
                coalesce(told.expected_memory_bytes, job.expected_memory_bytes),
            rest_until = told.rest_until
        FROM told WHERE told.is_held AND job.id = told.job_id
    ), late AS (
        INSERT INTO jobd.audit (at, by, action, target, detail)
        SELECT
            told.ended_at, me, 'late end', told.run_id,
            coalesce(told.outcome, 'unknown') || '; its lease had passed on'
        FROM told
        WHERE (told.is_held OR told.was_held) IS NOT TRUE
        ORDER BY told.pos
        ON CONFLICT DO NOTHING
    )
    SELECT jsonb_agg(jsonb_build_array(pos, (is_held OR was_held) IS TRUE))
    INTO answers FROM told;
    RETURN answers;
END $$;

-- name: rows_over
-- The ledger rows that share an instant with a range, and what counts as such.
CREATE OR REPLACE FUNCTION jobd.rows_over(
    its_job bigint, forgotten jsonb, start bigint, stop bigint
) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (
        SELECT coalesce(
            jsonb_agg(jsonb_build_array(first, last, count) ORDER BY first, last), '[]'
        )
        FROM (
            SELECT first, last, count FROM jobd.tick
            WHERE job_id = its_job AND last BETWEEN start AND stop
            UNION ALL
            SELECT first, last, count FROM jobd.tick
            WHERE job_id = its_job AND last > stop AND first <= stop AND first < last
            UNION ALL
            SELECT (span ->> 0)::bigint, (span ->> 1)::bigint, 0
            FROM jsonb_array_elements(forgotten) AS span
            WHERE (span ->> 1)::bigint >= start AND (span ->> 0)::bigint <= stop
        ) AS found
    );
END $$;

-- name: miscounted
-- How many ticks of a range are new only its schedule can tell, and that is the client's. It says
-- which rows it reckoned with (none, as a rule); where there are others, it has to count again.
CREATE OR REPLACE FUNCTION jobd.miscounted(skips jsonb) RETURNS jsonb
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN (
        SELECT jsonb_object_agg(pos, rows) FROM (
            SELECT
                s.pos, s.seen,
                CASE WHEN s.first > job.decided_until THEN '[]'::jsonb
                    ELSE jobd.rows_over(job.id, job.forgotten, s.first, s.last) END AS rows
            FROM jsonb_to_recordset(skips)
                AS s (pos integer, job text, first bigint, last bigint, seen jsonb)
            JOIN jobd.job ON job.name = s.job
            WHERE s.first < s.last
        ) AS range
        WHERE rows <> seen
    );
END $$;

-- name: skip_all
CREATE OR REPLACE FUNCTION jobd.skip_all(skips jsonb, me text, instant bigint) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    answers jsonb;
BEGIN
    WITH wish AS MATERIALIZED (
        SELECT
            s.pos, s.job, s.first, s.last, s.reason, s.detail, s.blocker, s.settled_until,
            job.id AS job_id,
            CASE WHEN s.first = s.last AND s.count > 0 AND s.first <= job.decided_until
                    AND jobd.is_decided(job.id, job.forgotten, s.first)
                THEN 0 ELSE s.count END AS fresh
        FROM jsonb_to_recordset(skips) AS s (
            pos integer, job text, first bigint, last bigint, count bigint, reason text,
            detail text, blocker text, settled_until bigint
        )
        JOIN jobd.job ON job.name = s.job
    ), written AS (
        INSERT INTO jobd.tick (
            job_id, first, last, count, reason, detail, blocker, decided_at, node
        )
        SELECT job_id, first, last, fresh, reason, detail, blocker, instant, me
        FROM wish WHERE fresh > 0
        ORDER BY pos
    ), moved AS (
        UPDATE jobd.job SET
            settled_until = greatest(job.settled_until, marks.settled_until),
            decided_until = greatest(job.decided_until, marks.decided_until),
            last_skipped = CASE WHEN marks.decided_until IS NULL
                THEN job.last_skipped ELSE instant END
        FROM (
            SELECT
                job_id, max(settled_until) AS settled_until,
                max(last) FILTER (WHERE fresh > 0) AS decided_until
            FROM wish GROUP BY job_id
        ) AS marks
        WHERE job.id = marks.job_id AND (
            marks.settled_until > job.settled_until OR marks.decided_until IS NOT NULL
        )
    )
    SELECT coalesce(jsonb_agg(jsonb_build_array(pos, fresh)), '[]') INTO answers FROM wish;
    IF jsonb_array_length(answers) < jsonb_array_length(skips) THEN
        PERFORM jobd.refuse_unknown(
            ARRAY(SELECT skip ->> 'job' FROM jsonb_array_elements(skips) AS skip)
        );
    END IF;
    RETURN answers;
END $$;

-- name: wishes_of
-- The wishes of a wave, of its columns; "more" has what few wishes have.
CREATE OR REPLACE FUNCTION jobd.wishes_of(wave jsonb) RETURNS TABLE (
    pos integer, run_id text, job text, fire_time bigint, trigger text, settled_until bigint,
    more jsonb
)
LANGUAGE sql IMMUTABLE ROWS 100
AS $$
    SELECT
        w.pos::integer, w.run_id, w.job, w.fire_time::bigint, coalesce(w.trigger, 'schedule'),
        w.settled_until::bigint, nullif(w.more, 'null')
    FROM ROWS FROM (
        jsonb_array_elements_text(wave -> 'pos'),
        jsonb_array_elements_text(wave -> 'run_id'),
        jsonb_array_elements_text(wave -> 'job'),
        jsonb_array_elements_text(wave -> 'fire_time'),
        jsonb_array_elements_text(wave -> 'trigger'),
        jsonb_array_elements_text(wave -> 'settled_until'),
        jsonb_array_elements(wave -> 'more')
    ) AS w (pos, run_id, job, fire_time, trigger, settled_until, more)
$$;

-- name: grant_plain
-- What most claims are: a tick later than all that are decided, of a job that has no run, no rest
-- to keep and no operator's wish, and without a pool. Of claim_wave's verdicts none but "granted"
-- can come up, so they are spared the search for it: one look at the job, which is its update,
-- and two inserts. claim_wave decides all others, whose rows thus come after these; they are of
-- other jobs. Returns the positions of those granted, and their tokens.
-- is_idle: it is known that no job of the wave has a run. Otherwise each job's are counted: NOT
-- EXISTS becomes a join, and a plan that was made while few were active goes through all of them.
CREATE OR REPLACE FUNCTION jobd.grant_plain(
    wave jsonb, is_idle boolean, me text, instant bigint, lease bigint
) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    answers jsonb;
BEGIN
    WITH granted AS (
        UPDATE jobd.job SET
            token = job.token + 1,
            settled_until = greatest(job.settled_until, wish.settled_until),
            decided_until = wish.fire_time
        FROM jobd.wishes_of(wave) AS wish
        WHERE job.name = wish.job AND (wish.more ? 'pool') IS NOT TRUE
            AND wish.fire_time > coalesce(job.decided_until, wish.fire_time - 1)
            AND job.pause IS NULL AND job.skip_next IS NULL
            AND (coalesce(job.rest_until, 0) <= instant OR wish.more ? 'ignores_duty')
            AND (is_idle OR (
                SELECT count(*) FROM jobd.run WHERE run.job_id = job.id AND run.ended_at IS NULL
            ) = 0)
        RETURNING
            wish.pos, wish.run_id, wish.fire_time, wish.trigger, wish.more, job.id AS job_id,
            job.token
    ), begun AS (
        INSERT INTO jobd.run (
            run_id, job_id, node, token, trigger, fire_time, claimed_at, changed_at,
            requested_by, params, slots, ttl, lease_until
        )
        SELECT
            run_id, job_id, me, token, trigger, fire_time, instant, instant,
            coalesce(more ->> 'requested_by', ''), coalesce(more -> 'params', '[]'), 0, lease,
            instant + lease
        FROM granted
        ORDER BY pos
    ), written AS (
        INSERT INTO jobd.tick (job_id, first, last, count, run_id, detail, decided_at, node)
        SELECT job_id, fire_time, fire_time, 1, run_id, '', instant, me
        FROM granted
        ORDER BY pos
    )
    SELECT jsonb_build_array(
        coalesce(jsonb_agg(pos), '[]'), coalesce(jsonb_agg(token), '[]')
    )
    INTO answers FROM granted;
    RETURN answers;
END $$;

-- name: claim_wave
-- Requests of different jobs, and of different pools, without those that are done. The verdicts,
-- in the order in which they are sought: the run is this node's already; the tick was decided
-- before; an operator does not want it; other runs of the job; its rest; the pool. Only from
-- "other runs" on are runs whose lease has run out ended as lost, and their ids returned beside
-- the answers. See jobd.store.claims.
CREATE OR REPLACE FUNCTION jobd.claim_wave(
    wave jsonb, done jsonb, me text, instant bigint, lease bigint, takes_over boolean
) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    answers jsonb;
    gone    jsonb;
BEGIN
    WITH wish AS MATERIALIZED (
        SELECT
            w.pos, w.run_id, w.fire_time, w.trigger, w.settled_until,
            w.more ->> 'pool' AS pool, (w.more ->> 'size')::integer AS size,
            (w.more ->> 'slots')::integer AS slots,
            coalesce((w.more ->> 'places')::integer, 1) AS places,
            coalesce((w.more ->> 'settles')::boolean, true) AS settles,
            coalesce((w.more ->> 'ignores_duty')::boolean, false) AS ignores_duty,
            coalesce(w.more ->> 'requested_by', '') AS requested_by,
            coalesce(w.more -> 'params', '[]') AS params,
            job.id AS job_id, job.token, job.rest_until, job.forgotten, job.decided_until,
            known.ended_at IS NOT NULL AS has_ended,
            CASE WHEN known.ended_at IS NULL AND known.job_id = job.id
                THEN known.node END AS holder,
            known.token AS known_token, known.claimed_at AS known_since,
            w.fire_time IS NOT NULL AND job.pause IS NOT NULL
                AND coalesce((job.pause ->> 'until')::bigint > instant, true) AS is_paused,
            w.fire_time IS NOT NULL AND job.skip_next IS NOT NULL
                AND coalesce(w.fire_time >= (job.skip_next ->> 'until')::bigint, true) AS is_wished,
            coalesce(w.fire_time = (job.skip_next ->> 'until')::bigint, true) AS is_meant,
            job.pause, job.skip_next
        FROM jobd.wishes_of(wave) AS w
        JOIN jobd.job ON job.name = w.job
        LEFT JOIN jobd.run AS known ON known.run_id = w.run_id
        WHERE NOT done @> to_jsonb(w.pos)
    ), judged AS MATERIALIZED (
        SELECT
            wish.*, others.oldest,
            CASE
                WHEN holder = me THEN 'again'
                WHEN holder IS NOT NULL THEN 'decided'
                WHEN fire_time IS NULL AND has_ended THEN 'decided'
                WHEN fire_time <= decided_until AND jobd.is_decided(job_id, forgotten, fire_time)
                    THEN 'decided'
                WHEN is_paused OR (is_wished AND is_meant) THEN 'paused'
                WHEN others.number >= places THEN 'overlap'
                WHEN rest_until > instant AND NOT ignores_duty THEN 'duty'
                WHEN pool IS NOT NULL AND slots + (
                    SELECT coalesce(sum(run.slots), 0) FROM jobd.run
                    WHERE run.pool = wish.pool AND run.ended_at IS NULL
                        AND NOT (takes_over AND run.lease_until <= instant)
                ) > size THEN 'pool'
                ELSE 'granted'
            END AS verdict
        FROM wish
        CROSS JOIN LATERAL (
            SELECT count(*) AS number, min(run.id) AS oldest FROM jobd.run
            WHERE run.job_id = wish.job_id AND run.ended_at IS NULL
                AND NOT (takes_over AND run.lease_until <= instant)
        ) AS others
    ), answer AS MATERIALIZED (
        SELECT
            judged.*,
            verdict IN ('again', 'decided', 'granted') OR fire_time IS NOT NULL AND (
                verdict IN ('paused', 'duty') OR (verdict = 'overlap' AND settles)
            ) AS is_settled,
            verdict NOT IN ('again', 'decided') AND is_wished AS fulfils_wish,
            CASE
                WHEN verdict = 'paused' AND is_paused THEN jobd.told('paused by ', pause)
                WHEN verdict = 'paused' THEN jobd.told('skip-next by ', skip_next)
                WHEN verdict = 'duty' THEN 'max_duty: rests until ' || to_char(
                    to_timestamp(rest_until / 1000000) AT TIME ZONE 'UTC',
                    'YYYY-MM-DD"T"HH24:MI:SS"Z"'
                )
                ELSE ''
            END AS detail
        FROM judged
    ), overdue AS (
        -- Each job's own are looked up (OFFSET 0), not all active ones gone through.
        SELECT late.run_id FROM answer
        CROSS JOIN LATERAL (
            SELECT run.run_id FROM jobd.run
            WHERE run.job_id = answer.job_id AND run.ended_at IS NULL
                AND run.lease_until <= instant
            OFFSET 0
        ) AS late
        WHERE takes_over AND answer.verdict IN ('overlap', 'duty', 'pool', 'granted')
    ), lost AS (
        UPDATE jobd.run SET
            ended_at = instant, changed_at = instant, outcome = 'lost', is_taken = true,
            reason = 'its lease ran out on ' || run.node, retry_at = NULL
        FROM overdue
        WHERE run.run_id = overdue.run_id
        RETURNING run.job_id, run.run_id
    ), renewed AS (
        UPDATE jobd.run SET lease_until = instant + lease, ttl = lease
        FROM answer
        WHERE answer.verdict = 'again' AND run.run_id = answer.run_id
    ), begun AS (
        INSERT INTO jobd.run (
            run_id, job_id, node, token, trigger, fire_time, claimed_at, changed_at,
            requested_by, params, pool, slots, ttl, lease_until
        )
        SELECT
            run_id, job_id, me, token + 1, trigger, fire_time, instant, instant,
            requested_by, params, pool, coalesce(slots, 0), lease, instant + lease
        FROM answer WHERE verdict = 'granted'
        ORDER BY pos
    ), written AS (
        INSERT INTO jobd.tick (
            job_id, first, last, count, reason, run_id, detail, blocker, decided_at, node
        )
        SELECT
            job_id, fire_time, fire_time, 1, CASE WHEN verdict <> 'granted' THEN verdict END,
            CASE WHEN verdict = 'granted' THEN run_id END, detail,
            CASE WHEN verdict = 'overlap' THEN (
                SELECT run.run_id FROM jobd.run
                WHERE run.job_id = answer.job_id AND run.id = oldest AND run.ended_at IS NULL
            ) END,
            instant, me
        FROM answer
        WHERE fire_time IS NOT NULL AND is_settled AND verdict NOT IN ('again', 'decided')
        ORDER BY pos
    ), remembered AS (
        UPDATE jobd.job SET
            token = job.token + (verdict = 'granted')::integer,
            settled_until = CASE WHEN is_settled
                THEN greatest(job.settled_until, answer.settled_until)
                ELSE job.settled_until END,
            decided_until = CASE WHEN is_settled AND verdict NOT IN ('again', 'decided')
                THEN greatest(job.decided_until, answer.fire_time)
                ELSE job.decided_until END,
            last_skipped = CASE WHEN is_settled AND verdict NOT IN ('again', 'decided', 'granted')
                THEN instant ELSE job.last_skipped END,
            skip_next = CASE WHEN NOT fulfils_wish THEN job.skip_next END,
            touched_at = CASE WHEN fulfils_wish THEN instant ELSE job.touched_at END,
            last_ended = CASE WHEN lost.job_id IS NULL THEN job.last_ended ELSE instant END,
            last_outcome = CASE WHEN lost.job_id IS NULL THEN job.last_outcome ELSE 'lost' END
        FROM answer
        LEFT JOIN (SELECT DISTINCT job_id FROM lost) AS lost ON lost.job_id = answer.job_id
        WHERE job.id = answer.job_id AND (
            (is_settled AND verdict NOT IN ('again', 'decided'))
            OR (is_settled AND answer.settled_until > job.settled_until)
            OR verdict = 'granted' OR fulfils_wish OR lost.job_id IS NOT NULL
        )
    )
    SELECT coalesce(jsonb_agg(CASE verdict
        WHEN 'granted' THEN jsonb_build_array(pos, verdict, token + 1, instant)
        WHEN 'again' THEN jsonb_build_array(pos, verdict, known_token, known_since)
        ELSE jsonb_build_array(
            pos, verdict, is_settled,
            CASE WHEN verdict = 'overlap' THEN (
                SELECT to_jsonb(run) FROM jobd.active_run AS run
                WHERE run.job_id = answer.job_id AND run.id = oldest
            ) END,
            CASE WHEN verdict = 'duty' THEN rest_until END
        )
    END), '[]'), (SELECT coalesce(jsonb_agg(lost.run_id), '[]') FROM lost)
    INTO answers, gone FROM answer;
    IF jsonb_array_length(done || answers) < jsonb_array_length(wave -> 'pos') THEN
        PERFORM jobd.refuse_unknown(ARRAY(SELECT jsonb_array_elements_text(wave -> 'job')));
    END IF;
    RETURN jsonb_build_object('answers', answers, 'lost', gone);
END $$;

-- name: told
-- Who wished it, and why; as jobd.core.wishes words it.
CREATE OR REPLACE FUNCTION jobd.told(what text, wish jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT what || (wish ->> 'by') || CASE wish ->> 'reason'
        WHEN '' THEN '' ELSE ': ' || (wish ->> 'reason') END
$$;
