-- Finding a life by its start is enough: a pid in the index takes three bytes a life, and there may be
-- a life a second.
DROP INDEX incarnation_life;
CREATE INDEX incarnation_start ON incarnation (program, start_ms);
