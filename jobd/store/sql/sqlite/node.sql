-- What only this node remembers.

-- name: outbox_put
INSERT INTO outbox (body) VALUES (?) RETURNING id;

-- name: outbox_all
SELECT id, body FROM outbox ORDER BY id;

-- name: outbox_take_out
DELETE FROM outbox WHERE id = ?;

-- name: fact_of
SELECT value FROM fact WHERE name = ?;

-- name: fact_keep
INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: fact_forget
DELETE FROM fact WHERE name = ?;
