-- Jobs, their runs, the tick ledger, and the nodes that share them.
-- Instants are microseconds since 1970 in UTC by the store's clock, durations microseconds unless
-- the name says seconds.
--
-- No foreign keys: rows of job are never deleted, and each key would cost a look and a lock for
-- every row of a run or a tick. Whoever writes to a job's runs or ticks has locked its row.

-- Not "IF NOT EXISTS": that asks for the right to make one also where it is there already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'jobd') THEN
        CREATE SCHEMA jobd;
    END IF;
END $$;

-- One row. ``oldest``: the oldest version of jobd's tables whose daemons still work on these.
CREATE TABLE jobd.meta (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version integer NOT NULL,
    oldest  integer NOT NULL
);

-- What is remembered of each job. Rows are never deleted: a token must grow if its job comes back.
-- Only its name and touched_at are indexed: what changes with every run is updated in place (HOT),
-- for which a page keeps some room.
CREATE TABLE jobd.job (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                text COLLATE "C" NOT NULL UNIQUE,
    schedule            text NOT NULL,
    settled_until       bigint NOT NULL,
    decided_until       bigint,                       -- the latest fire time that tick has, or had
    forgotten           jsonb NOT NULL DEFAULT '[]',  -- spans decided though tick dropped them
    token               bigint NOT NULL DEFAULT 0,
    last_started        bigint,
    last_ended          bigint,
    last_outcome        text,
    last_success        bigint,
    last_duration       bigint,
    smoothed_duration_s double precision,
    memory_peak_bytes   bigint,
    rest_until          bigint,
    pause               jsonb,                        -- by, since, reason, until
    skip_next           jsonb,                        -- likewise
    touched_at          bigint NOT NULL               -- when it changed other than by a run
) WITH (fillfactor = 60);

CREATE INDEX job_touched ON jobd.job (touched_at);

-- Which node has which job in its configuration. A job is on the roll while any node has it.
CREATE TABLE jobd.roll (
    job_id bigint NOT NULL,
    node   text COLLATE "C" NOT NULL,
    PRIMARY KEY (job_id, node)
);

CREATE INDEX roll_of_node ON jobd.roll (node);

CREATE TABLE jobd.run (
    id                   bigint GENERATED ALWAYS AS IDENTITY,  -- in the order of the grants
    run_id               text COLLATE "C" PRIMARY KEY,
    job_id               bigint NOT NULL,
    node                 text NOT NULL,
    token                bigint NOT NULL,
    trigger              text NOT NULL,
    fire_time            bigint,
    claimed_at           bigint NOT NULL,
    changed_at           bigint NOT NULL,         -- claimed, taken over or ended
    requested_by         text NOT NULL,
    params               jsonb NOT NULL,          -- pairs of name and value
    pool                 text COLLATE "C",        -- the shared pool that it has slots of
    slots                integer NOT NULL,
    ttl                  bigint NOT NULL,         -- how long its leases last; nodes may differ
    lease_until          bigint NOT NULL,
    stop_cause           text,                    -- somebody wants it stopped
    is_taken             boolean NOT NULL DEFAULT false,  -- another than its holder ended it
    attempt              integer NOT NULL DEFAULT 1,
    retry_at             bigint,
    started_at           bigint,
    ended_at             bigint,                  -- null: active
    outcome              text,
    reason               text NOT NULL DEFAULT '',
    exit_code            integer,
    signal               integer,
    duration_s           double precision,
    cpu_s                double precision,
    memory_peak_bytes    bigint,
    output_bytes         bigint NOT NULL DEFAULT 0,
    output_dropped_bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);

-- Active runs are few and ended ones many, and each has its own indexes: a claim pays for one, and
-- a renewal changes nothing that an index holds.
CREATE INDEX run_active ON jobd.run (job_id, id) WHERE ended_at IS NULL;
CREATE INDEX run_ended ON jobd.run (id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_ended_of_job ON jobd.run (job_id, id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_pooled ON jobd.run (pool) WHERE ended_at IS NULL AND pool IS NOT NULL;
CREATE INDEX run_closed ON jobd.run (changed_at) WHERE ended_at IS NOT NULL;
-- Failures are what people look for, and rare.
CREATE INDEX run_failed ON jobd.run (outcome, id) WHERE outcome <> 'success';
-- Successes have no index: newest first, most runs are one.

-- The ledger: what became of each tick. Ticks that nobody could decide in time are one range.
CREATE TABLE jobd.tick (
    id         bigint GENERATED ALWAYS AS IDENTITY,  -- in the order of decision
    job_id     bigint NOT NULL,
    first      bigint NOT NULL,
    last       bigint NOT NULL,
    count      bigint NOT NULL,
    reason     text,                                 -- null: it was started
    run_id     text,                                 -- the run that it became
    detail     text NOT NULL,
    blocker    text,                                 -- the run that was in its way
    decided_at bigint NOT NULL,
    node       text NOT NULL,
    PRIMARY KEY (job_id, last, first)
);

-- What was started lately is found by its run, so that a claim does not pay for this one.
CREATE INDEX tick_skipped ON jobd.tick (decided_at) WHERE reason IS NOT NULL;
-- A single tick is found by its key; ranges around one are few, and found here.
CREATE INDEX tick_range ON jobd.tick (job_id, last) WHERE first < last;

-- Pools that nodes share: rows to lock, so that two claims cannot take the same slot.
CREATE TABLE jobd.pool (
    name text COLLATE "C" PRIMARY KEY
);

CREATE TABLE jobd.audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     bigint NOT NULL,
    by     text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail text NOT NULL
);

-- So that an entry which is written again after a lost answer stays one; a digest, as an index
-- refuses long texts.
CREATE UNIQUE INDEX audit_once ON jobd.audit (
    at, md5(by || E'\n' || action || E'\n' || target || E'\n' || detail)
);
CREATE INDEX audit_of_target ON jobd.audit (target, id);

CREATE TABLE jobd.node (
    name       text COLLATE "C" PRIMARY KEY,
    word       jsonb NOT NULL,
    started_at bigint NOT NULL,  -- when this incarnation was first seen
    seen_at    bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE jobd.letter (
    letter_id text COLLATE "C" PRIMARY KEY,
    sender    text NOT NULL,
    addressee text NOT NULL,
    kind      text NOT NULL,
    body      text NOT NULL,
    reply     text,
    sent_at   bigint NOT NULL
);

-- A run that holds its lease, as the core is told of it.
CREATE VIEW jobd.active_run AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run.fire_time, run.trigger, run.claimed_at,
    run.attempt, run.retry_at, run.requested_by, run.params, run.lease_until, run.pool, run.slots,
    run.id, run.job_id, run.changed_at, run.stop_cause
FROM jobd.run JOIN jobd.job ON job.id = run.job_id
WHERE run.ended_at IS NULL;

-- A run as people are told of it.
CREATE VIEW jobd.run_record AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run.trigger, run.fire_time, run.claimed_at,
    run.requested_by, run.attempt, run.started_at, run.ended_at, run.outcome, run.reason,
    run.exit_code, run.signal, run.duration_s, run.cpu_s, run.memory_peak_bytes,
    run.output_bytes, run.output_dropped_bytes, run.params, run.id, run.job_id
FROM jobd.run JOIN jobd.job ON job.id = run.job_id;

-- A row of the ledger, likewise.
CREATE VIEW jobd.tick_record AS
SELECT
    job.name AS job, tick.first, tick.last, tick.count, tick.reason, tick.run_id, tick.detail,
    tick.blocker, tick.decided_at, tick.node, tick.id, tick.job_id
FROM jobd.tick JOIN jobd.job ON job.id = tick.job_id;
