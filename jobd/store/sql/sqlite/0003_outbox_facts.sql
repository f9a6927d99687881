-- What a node remembers for itself when the runs of its jobs are in a store that it shares.

-- Ends of runs that the shared store has not taken yet.
CREATE TABLE outbox (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: an order for all time
    body TEXT NOT NULL                       -- JSON: see jobd/store/finish_text.py
) STRICT;

-- Small things, by name: who drained this node, the identity of this state directory.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
