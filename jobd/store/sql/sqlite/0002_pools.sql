-- What an active run takes of a pool; it still does after a restart.

ALTER TABLE run ADD COLUMN pool TEXT;
ALTER TABLE run ADD COLUMN slots INTEGER NOT NULL DEFAULT 0;
