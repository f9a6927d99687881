-- No table changes: daemons of this version ask a function that is new, happened in window.sql,
-- and functions are put in place with a step.
SELECT 1;
