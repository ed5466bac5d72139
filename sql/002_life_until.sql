-- What the detector keeps of a life is kept of running lives too: it says up to when it goes. What was
-- kept before does not, and is reckoned anew.
DROP TABLE life;
CREATE TABLE life (
	incarnation INTEGER PRIMARY KEY, -- incarnation.id
	until_ms INTEGER NOT NULL,    -- newest sample that is in it
	data BLOB NOT NULL            -- the detector's own format
);
