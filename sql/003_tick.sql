-- Times of ticks, shared by all entities of a tick: chunks name the tick where that takes less room than
-- its time (src/store/times.c says how). id = number of the first tick in it = an id of `hot`; up to 240.
CREATE TABLE tick (
	id INTEGER PRIMARY KEY,
	data BLOB NOT NULL            -- Unix milliseconds of each
);
