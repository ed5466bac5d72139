-- The first schema. Times are Unix milliseconds unless a comment says otherwise.

-- Words that repeat in many lives: host names and process keys. 0 is used for the empty one.
CREATE TABLE name (
	id INTEGER PRIMARY KEY,
	value TEXT NOT NULL UNIQUE    -- raw bytes, UTF-8 or not
);

CREATE TABLE program (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE     -- raw bytes, UTF-8 or not
);

-- What a life runs: few rows, shared by thousands of lives. '' is 'not known'.
CREATE TABLE build (
	id INTEGER PRIMARY KEY,
	exe TEXT NOT NULL,            -- path of the executable
	version TEXT NOT NULL,        -- as its release is called
	revision TEXT NOT NULL,       -- commit, 40 hex digits
	build_id TEXT NOT NULL,       -- of the ELF note, hex digits
	how TEXT NOT NULL,            -- how version and revision were recognised
	UNIQUE (exe, version, revision, build_id, how)
);

-- One life of one process. While samples of it are in `hot`, those are newer than what
-- first_after and last_after say.
CREATE TABLE incarnation (
	id INTEGER PRIMARY KEY,       -- at most 2^30
	program INTEGER NOT NULL,     -- program.id
	host INTEGER NOT NULL,        -- name.id
	slot INTEGER NOT NULL,        -- name.id of the process_key
	pid INTEGER NOT NULL,
	start_ms INTEGER NOT NULL,    -- when the process started
	first_after INTEGER,          -- first sample, ms after start_ms; NULL: none in `chunk`
	last_after INTEGER,           -- last sample, ms after the first; NULL: none in `chunk`
	end_after INTEGER,            -- end, ms after start_ms; NULL: alive as far as known
	build INTEGER NOT NULL        -- build.id
);
CREATE INDEX incarnation_life ON incarnation (program, start_ms, pid);

-- Samples of one entity over one round, all columns in one BLOB (src/store/chunk.h says how).
-- id = round << 32 | entity. entity = id << 2 | kind: 0 incarnation, 1 load of a program,
-- 2 host (name.id). Rows are appended in the order of id, so pages are full.
CREATE TABLE chunk (
	id INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);

-- One turn of sealing through all entities: an entity has at most one chunk a round.
CREATE TABLE round (
	id INTEGER PRIMARY KEY,
	first_ms INTEGER NOT NULL,    -- no sample in its chunks is older
	last_ms INTEGER               -- none is newer; NULL: the round is not finished
);

-- The newest samples, one row a tick for all entities together (src/store/hot.h says how),
-- until every entity in it is sealed.
CREATE TABLE hot (
	id INTEGER PRIMARY KEY,       -- ascending, never used twice
	data BLOB NOT NULL
);

-- Means of each hour for what is too old to be kept in full: id and data as in `chunk`, with a
-- round of its own numbering in hourly_round.
CREATE TABLE hourly (
	id INTEGER PRIMARY KEY,
	data BLOB NOT NULL
);
CREATE TABLE hourly_round (
	id INTEGER PRIMARY KEY,
	first_ms INTEGER NOT NULL,
	last_ms INTEGER
);

-- What the detector needs of a closed life, so that a restart reads nothing old.
CREATE TABLE life (
	incarnation INTEGER PRIMARY KEY, -- incarnation.id
	data BLOB NOT NULL            -- the detector's own format
);

CREATE TABLE deploy (
	id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: people delete by it
	program INTEGER NOT NULL,     -- program.id
	unix_ms INTEGER NOT NULL,     -- the mark's time, or first sight
	first_seen_ms INTEGER NOT NULL, -- first incarnation with it; 0: none yet
	author_ms INTEGER NOT NULL,   -- 0: not known
	commit_ms INTEGER NOT NULL,   -- 0: not known
	tag_ms INTEGER NOT NULL,      -- 0: not known
	version TEXT NOT NULL,
	revision TEXT NOT NULL,       -- commit, 40 hex digits or ''
	build_id TEXT NOT NULL,       -- hex digits or ''
	host TEXT NOT NULL,           -- '': all
	note TEXT NOT NULL,
	source TEXT NOT NULL          -- how it was recognised
);
CREATE INDEX deploy_time ON deploy (program, unix_ms);

-- The newest answer a program.
CREATE TABLE answer (
	program INTEGER PRIMARY KEY,  -- program.id
	as_of_ms INTEGER NOT NULL,
	json TEXT NOT NULL
);

-- Small facts by name: the daemon's status, counts of what was dropped.
CREATE TABLE fact (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
