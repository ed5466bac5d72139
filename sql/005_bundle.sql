-- Short lives share a chunk: thousands of them each had a row of their own. Its id in `chunk` has kind 3 and
-- this number (src/store/bundle.c says how).
ALTER TABLE incarnation ADD COLUMN bundle INTEGER; -- number of the bundle with its first samples; NULL: none
