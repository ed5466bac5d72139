-- Every statement of the store but PRAGMAs, BEGIN and COMMIT.

-- name: program_add
INSERT INTO program (id, name) VALUES (?1, ?2);
-- name: program_list
SELECT id, name FROM program ORDER BY name;
-- name: program_there
SELECT 1 FROM program WHERE id = ?1;
-- name: program_last_id
SELECT max(id) FROM program;

-- name: name_add
INSERT INTO name (value) VALUES (?1) ON CONFLICT DO NOTHING;
-- name: name_find
SELECT id FROM name WHERE value = ?1;

-- name: build_add
INSERT INTO build (exe, version, revision, build_id, how) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING;
-- name: build_find
SELECT id FROM build WHERE exe = ?1 AND version = ?2 AND revision = ?3 AND build_id = ?4 AND how = ?5;

-- name: life_add
INSERT INTO incarnation (id, program, host, slot, pid, start_ms, end_after, build) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);
-- name: life_last_id
SELECT max(id) FROM incarnation;
-- name: life_newest
SELECT max(start_ms) FROM incarnation WHERE program = ?1;
-- name: life_find
SELECT i.id, i.start_ms, i.start_ms + i.end_after, b.exe, b.version, b.revision, b.build_id, b.how
FROM incarnation i JOIN build b ON b.id = i.build
WHERE i.program = ?1 AND i.start_ms BETWEEN ?2 - 1500 AND ?2 + 1500 AND i.pid = ?3
	AND coalesce((SELECT value FROM name WHERE id = i.host), '') = ?4
	AND coalesce((SELECT value FROM name WHERE id = i.slot), '') = ?5
ORDER BY abs(i.start_ms - ?2), i.id LIMIT 1;
-- name: life_set
UPDATE incarnation SET end_after = coalesce(?2 - start_ms, end_after), build = ?3 WHERE id = ?1;
-- name: life_end
UPDATE incarnation SET end_after = ?2 - start_ms WHERE id = ?1;
-- name: life_span
SELECT start_ms, first_after, last_after FROM incarnation WHERE id = ?1;
-- name: life_sealed
UPDATE incarnation SET
	first_after = min(coalesce(first_after, ?2 - start_ms), ?2 - start_ms),
	last_after = max(coalesce(first_after + last_after, ?3 - start_ms), ?3 - start_ms)
		- min(coalesce(first_after, ?2 - start_ms), ?2 - start_ms)
WHERE id = ?1;
-- name: life_bundled
UPDATE incarnation SET first_after = ?2 - start_ms, last_after = ?3 - ?2, bundle = ?4 WHERE id = ?1;
-- name: life_first
SELECT first_after FROM incarnation WHERE id = ?1;
-- name: life_bundle
SELECT bundle FROM incarnation WHERE id = ?1;
-- name: bundle_last
SELECT max(bundle) FROM incarnation;
-- name: life_program
SELECT program FROM incarnation WHERE id = ?1;
-- name: life_sums
SELECT program, count(*), sum(end_after IS NULL), min(start_ms + first_after), max(start_ms + first_after + last_after)
FROM incarnation GROUP BY program;
-- name: life_list
SELECT i.id, i.program, i.pid, i.start_ms, i.start_ms + i.end_after, i.start_ms + i.first_after,
	i.start_ms + i.first_after + i.last_after, h.value, s.value, b.exe, b.version, b.revision, b.build_id, b.how
FROM incarnation i JOIN build b ON b.id = i.build LEFT JOIN name h ON h.id = i.host LEFT JOIN name s ON s.id = i.slot
WHERE i.program = ?1 ORDER BY i.start_ms, i.id;
-- name: life_list_all
SELECT i.id, i.program, i.pid, i.start_ms, i.start_ms + i.end_after, i.start_ms + i.first_after,
	i.start_ms + i.first_after + i.last_after, h.value, s.value, b.exe, b.version, b.revision, b.build_id, b.how
FROM incarnation i JOIN build b ON b.id = i.build LEFT JOIN name h ON h.id = i.host LEFT JOIN name s ON s.id = i.slot
ORDER BY i.start_ms, i.id;
-- name: life_page
SELECT i.id, i.program, i.pid, i.start_ms, i.start_ms + i.end_after, i.start_ms + i.first_after,
	i.start_ms + i.first_after + i.last_after, h.value, s.value, b.exe, b.version, b.revision, b.build_id, b.how
FROM incarnation i JOIN build b ON b.id = i.build LEFT JOIN name h ON h.id = i.host LEFT JOIN name s ON s.id = i.slot
WHERE i.program = ?1 AND (i.start_ms, i.id) > (?2, ?3) ORDER BY i.start_ms, i.id LIMIT ?4;
-- name: life_drop
DELETE FROM incarnation WHERE end_after IS NOT NULL AND start_ms + first_after + last_after < ?1
	AND (last_after < 600000 OR start_ms + first_after + last_after < ?2);
-- name: life_next_some
SELECT max(id) FROM (SELECT id FROM incarnation WHERE id >= ?1 ORDER BY id LIMIT 4096);
-- name: life_drop_some
DELETE FROM incarnation WHERE id BETWEEN ?2 AND ?3 AND end_after IS NOT NULL AND start_ms + first_after + last_after < ?1
	AND last_after < 600000;
-- name: life_data_drop_some
DELETE FROM life WHERE incarnation BETWEEN ?1 AND ?2 AND incarnation NOT IN (SELECT id FROM incarnation WHERE id BETWEEN ?1 AND ?2);
-- name: build_drop
DELETE FROM build WHERE id NOT IN (SELECT build FROM incarnation);
-- name: name_drop
DELETE FROM name WHERE id NOT IN (SELECT slot FROM incarnation UNION SELECT host FROM incarnation)
	AND id <> ?1;

-- name: chunk_add
INSERT INTO chunk (id, data) VALUES (?1, ?2) ON CONFLICT DO NOTHING;
-- name: chunk_get
SELECT data FROM chunk WHERE id = ?1;
-- name: chunk_all
SELECT id, data FROM chunk WHERE id >= ?1 AND id < ?2 ORDER BY id;
-- name: chunk_count
SELECT count(*) FROM chunk;
-- name: blob_count
SELECT (SELECT count(*) FROM chunk) + (SELECT count(*) FROM hourly) + (SELECT count(*) FROM tick) + (SELECT count(*) FROM hot);
-- name: chunk_heads
SELECT substr(data, 1, 4) FROM chunk WHERE id >= ?1 AND id < ?2;
-- name: chunk_drop
DELETE FROM chunk WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32;

-- name: round_add
INSERT INTO round (id, first_ms, last_ms) VALUES (?1, ?2, NULL);
-- name: round_first
UPDATE round SET first_ms = ?2 WHERE id = ?1;
-- name: round_last
UPDATE round SET last_ms = ?2 WHERE id = ?1;
-- name: round_list
SELECT id, first_ms, last_ms FROM round ORDER BY id;
-- name: data_version
PRAGMA data_version;
-- name: round_newest
SELECT id, first_ms, last_ms FROM round ORDER BY id DESC LIMIT 1;
-- name: round_oldest
SELECT id FROM round WHERE last_ms < ?1 ORDER BY last_ms LIMIT ?2;
-- name: round_ends
SELECT last_ms FROM round WHERE id = ?1;
-- name: round_chunks
SELECT count(*) FROM chunk WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32;
-- name: round_max
SELECT max(last_ms) FROM round;
-- name: round_drop
DELETE FROM round WHERE id = ?1;

-- name: hot_add
INSERT INTO hot (id, data) VALUES (?1, ?2);
-- name: hot_from
SELECT id, data FROM hot WHERE id > ?1 ORDER BY id;
-- name: hot_oldest
SELECT min(id) FROM hot;
-- name: hot_newest
SELECT max(id) FROM hot;
-- name: hot_drop
DELETE FROM hot WHERE id < ?1;

-- name: tick_put
INSERT OR REPLACE INTO tick (id, data) VALUES (?1, ?2);
-- name: tick_get
SELECT id, data FROM tick WHERE id <= ?1 ORDER BY id DESC LIMIT 1;
-- name: tick_newest
SELECT id, data FROM tick ORDER BY id DESC LIMIT 1;
-- name: tick_last
SELECT max(id) FROM tick;
-- name: tick_oldest
SELECT id, data FROM tick ORDER BY id LIMIT 1;
-- name: tick_all
SELECT id, data FROM tick WHERE id >= ?1 AND id < ?2 ORDER BY id;
-- name: tick_drop
DELETE FROM tick WHERE id = ?1;
-- name: round_min
SELECT min(first_ms) FROM round;

-- name: deploy_add
INSERT INTO deploy (program, unix_ms, first_seen_ms, author_ms, commit_ms, tag_ms, version, revision, build_id, host, note, source)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);
-- name: deploy_set
UPDATE deploy SET program = ?1, unix_ms = ?2, first_seen_ms = ?3, author_ms = ?4, commit_ms = ?5, tag_ms = ?6, version = ?7,
	revision = ?8, build_id = ?9, host = ?10, note = ?11, source = ?12 WHERE id = ?13;
-- name: deploy_drop
DELETE FROM deploy WHERE id = ?1;
-- name: deploy_list
SELECT id, program, unix_ms, first_seen_ms, author_ms, commit_ms, tag_ms, version, revision, build_id, host, note, source
FROM deploy WHERE ?1 = 0 OR program = ?1 ORDER BY unix_ms, id;

-- name: answer_put
INSERT OR REPLACE INTO answer (program, as_of_ms, json) VALUES (?1, ?2, ?3);
-- name: answer_get
SELECT as_of_ms, json FROM answer WHERE program = ?1;
-- name: fact_put
INSERT OR REPLACE INTO fact (name, value) VALUES (?1, ?2);
-- name: fact_get
SELECT value FROM fact WHERE name = ?1;
-- name: hot_next
SELECT CAST(value AS INTEGER) FROM fact WHERE name = 'store.next_tick';
-- name: hot_next_put
INSERT OR REPLACE INTO fact (name, value) VALUES ('store.next_tick', ?1);
-- name: bundle_next
SELECT CAST(value AS INTEGER) FROM fact WHERE name = 'store.next_bundle';
-- name: bundle_next_put
INSERT OR REPLACE INTO fact (name, value) VALUES ('store.next_bundle', ?1);
-- name: host_find
SELECT n.id FROM fact f JOIN name n ON n.value = f.value WHERE f.name = 'store.host';
-- name: fact_add
INSERT INTO fact (name, value) VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + excluded.value;

-- name: hourly_add
INSERT INTO hourly (id, data) VALUES (?1, ?2);
-- name: hourly_read
SELECT c.id, c.data FROM hourly_round r JOIN hourly c ON c.id = (r.id << 32 | ?1)
WHERE r.first_ms <= ?3 AND r.last_ms >= ?2 ORDER BY r.id;
-- name: hourly_last
SELECT max(last_ms) FROM hourly_round;
-- name: hourly_all
SELECT id, data FROM hourly WHERE id >= ?1 AND id < ?2 ORDER BY id;
-- name: hourly_heads
SELECT substr(data, 1, 4) FROM hourly WHERE id >> 32 IN (SELECT id FROM hourly_round WHERE last_ms < ?1) AND ?2 = 0;
-- name: hourly_drop
DELETE FROM hourly WHERE id >> 32 IN (SELECT id FROM hourly_round WHERE last_ms < ?1);
-- name: hourly_round_last
SELECT max(id) FROM hourly_round;
-- name: hourly_round_add
INSERT INTO hourly_round (id, first_ms, last_ms) VALUES (?1, ?2, ?3);
-- name: hourly_round_drop
DELETE FROM hourly_round WHERE last_ms < ?1;
-- name: life_data_put
INSERT OR REPLACE INTO life (incarnation, until_ms, data) VALUES (?1, ?2, ?3);
-- name: life_data_get
SELECT until_ms, data FROM life WHERE incarnation = ?1;
-- name: life_data_all
SELECT incarnation, data FROM life WHERE incarnation >= ?1 AND incarnation < ?2 ORDER BY incarnation;
-- name: life_data_list
SELECT incarnation, until_ms, data FROM life WHERE incarnation IN (SELECT id FROM incarnation WHERE program = ?1);
-- name: life_data_stale
DELETE FROM life WHERE incarnation = ?1 AND until_ms >= ?2;
-- name: life_data_drop
DELETE FROM life WHERE incarnation NOT IN (SELECT id FROM incarnation);
-- name: check_references
SELECT 'chunk ' || (id >> 32) || ' of entity ' || (id & 4294967295) || ' belongs to no round' FROM chunk
	WHERE id >> 32 NOT IN (SELECT id FROM round)
UNION ALL SELECT 'incarnation ' || id || ' is of no program' FROM incarnation WHERE program NOT IN (SELECT id FROM program)
UNION ALL SELECT 'incarnation ' || id || ' has no build' FROM incarnation WHERE build NOT IN (SELECT id FROM build)
UNION ALL SELECT 'incarnation ' || id || ' has no name' FROM incarnation
	WHERE (host <> 0 AND host NOT IN (SELECT id FROM name)) OR (slot <> 0 AND slot NOT IN (SELECT id FROM name))
UNION ALL SELECT 'incarnation ' || id || ' ends before it begins' FROM incarnation WHERE last_after < 0
UNION ALL SELECT 'round ' || id || ' ends before it begins' FROM round WHERE last_ms < first_ms
UNION ALL SELECT 'deploy ' || id || ' is of no program' FROM deploy WHERE program NOT IN (SELECT id FROM program)
LIMIT 100;
-- name: salvage_life
INSERT OR IGNORE INTO incarnation (id, program, host, slot, pid, start_ms, build) VALUES (?1, 536870912, 0, 0, 0, ?2, 0);
-- name: salvage_bundle
UPDATE incarnation SET bundle = ?2 WHERE id = ?1 AND bundle IS NULL;
-- name: salvage_programs
INSERT OR IGNORE INTO program (id, name) SELECT program, 'lost-' || program
FROM (SELECT program FROM incarnation UNION SELECT program FROM deploy) WHERE program NOT IN (SELECT id FROM program);
-- name: salvage_builds
INSERT OR IGNORE INTO build (id, exe, version, revision, build_id, how) SELECT DISTINCT build, '', '', '', 'lost-' || build, ''
FROM incarnation WHERE build NOT IN (SELECT id FROM build);
-- name: salvage_names
INSERT OR IGNORE INTO name (id, value) SELECT id, 'lost-' || id
FROM (SELECT host AS id FROM incarnation UNION SELECT slot FROM incarnation) WHERE id <> 0 AND id NOT IN (SELECT id FROM name);
-- name: salvage_rounds
INSERT OR IGNORE INTO round (id, first_ms, last_ms) SELECT DISTINCT id >> 32, -9007199254740992, 9007199254740992 FROM chunk;
