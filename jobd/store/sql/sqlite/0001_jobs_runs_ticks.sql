-- Jobs, their runs, the tick ledger, and who did what.
-- Instants are microseconds since 1970 in UTC, durations microseconds unless the name says seconds.

-- What is remembered of each job. Rows are never deleted: a token must grow if its job comes back.
CREATE TABLE job (
    id                  INTEGER PRIMARY KEY,
    name                TEXT NOT NULL UNIQUE,
    schedule            TEXT NOT NULL,
    is_on_roll          INTEGER NOT NULL,
    settled_until       INTEGER NOT NULL,
    decided_until       INTEGER,            -- the latest fire time that tick has, or had
    forgotten           TEXT NOT NULL,      -- JSON: spans decided though tick has no rows any more
    token               INTEGER NOT NULL,
    last_started        INTEGER,
    last_ended          INTEGER,
    last_outcome        TEXT,
    last_success        INTEGER,
    last_duration       INTEGER,
    smoothed_duration_s REAL,
    memory_peak_bytes   INTEGER,
    rest_until          INTEGER,
    pause               TEXT,               -- JSON: by, since, reason, until
    skip_next           TEXT                -- JSON, likewise
) STRICT;

CREATE TABLE run (
    id                   INTEGER PRIMARY KEY,  -- in the order of the grants
    run_id               TEXT NOT NULL UNIQUE,
    job_id               INTEGER NOT NULL REFERENCES job (id),
    node                 TEXT NOT NULL,
    token                INTEGER NOT NULL,
    "trigger"            TEXT NOT NULL,
    fire_time            INTEGER,
    claimed_at           INTEGER NOT NULL,
    requested_by         TEXT NOT NULL,
    params               TEXT NOT NULL,        -- JSON: pairs of name and value
    attempt              INTEGER NOT NULL,
    retry_at             INTEGER,
    started_at           INTEGER,
    ended_at             INTEGER,              -- null: active
    outcome              TEXT,
    reason               TEXT NOT NULL DEFAULT '',
    exit_code            INTEGER,
    signal               INTEGER,
    duration_s           REAL,
    cpu_s                REAL,
    memory_peak_bytes    INTEGER,
    output_bytes         INTEGER NOT NULL DEFAULT 0,
    output_dropped_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX run_of_job ON run (job_id, id);
-- Finds the active runs (null) as well as those that retention has to look at.
CREATE INDEX run_ended ON run (ended_at);
-- Failures are what people look for, and rare.
CREATE INDEX run_failed ON run (outcome, id) WHERE outcome <> 'success';

-- The ledger: what became of each tick. Ticks that nobody could decide in time are one range.
CREATE TABLE tick (
    id         INTEGER PRIMARY KEY,
    job_id     INTEGER NOT NULL REFERENCES job (id),
    first      INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    reason     TEXT,                           -- null: it was started
    run_id     TEXT,                           -- the run that it became
    detail     TEXT NOT NULL,
    blocker    TEXT,                           -- the run that was in its way
    decided_at INTEGER NOT NULL,
    node       TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX tick_identity ON tick (job_id, last, first);
CREATE INDEX tick_skipped ON tick (decided_at) WHERE reason IS NOT NULL;

-- Unique, so that an entry which is written again after a lost answer stays one.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    by     TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    UNIQUE (at, by, action, target, detail)
) STRICT;

-- A run as people and the core are told of it.
CREATE VIEW run_record AS
SELECT
    run.run_id, job.name AS job, run.node, run.token, run."trigger", run.fire_time,
    run.claimed_at, run.requested_by, run.attempt, run.started_at, run.ended_at, run.outcome,
    run.reason, run.exit_code, run.signal, run.duration_s, run.cpu_s, run.memory_peak_bytes,
    run.output_bytes, run.output_dropped_bytes, run.params, run.id
FROM run JOIN job ON job.id = run.job_id;

-- A row of the ledger, likewise.
CREATE VIEW tick_record AS
SELECT
    job.name AS job, tick.first, tick.last, tick.count, tick.reason, tick.run_id, tick.detail,
    tick.blocker, tick.decided_at, tick.node
FROM tick JOIN job ON job.id = tick.job_id;
