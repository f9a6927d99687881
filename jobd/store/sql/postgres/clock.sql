-- The store's clock, and what version of the tables this is.

-- name: now
-- Read once in each operation, after it has its locks. The only reader of the clock: tests set
-- the time by replacing it.
CREATE OR REPLACE FUNCTION jobd.now() RETURNS bigint
LANGUAGE sql VOLATILE
AS $$ SELECT floor(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint $$;

-- name: version
CREATE OR REPLACE FUNCTION jobd.version() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('version', version, 'oldest', oldest) FROM jobd.meta $$;

-- name: ping
CREATE OR REPLACE FUNCTION jobd.ping(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('at', jobd.now()) FROM jobd.meta $$;

-- name: stamp
-- The owner's word on the tables; it has no rights beyond its caller's.
CREATE OR REPLACE FUNCTION jobd.stamp(asked jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE
AS $$
    INSERT INTO jobd.meta (version, oldest)
    VALUES ((asked ->> 'version')::integer, (asked ->> 'oldest')::integer)
    ON CONFLICT (is_only) DO UPDATE SET version = excluded.version, oldest = excluded.oldest;
    SELECT '{}'::jsonb
$$;
