# Turns SQL files into C: NNN_name.sql become the migrations, in the order given; every
# "-- name: x" in another file starts the statement SQL_x, which ends at the next one.
function quote(line) {
	gsub(/\\/, "\\\\", line); gsub(/"/, "\\\"", line); gsub(/\t/, "\\t", line)
	return "\t\"" line "\\n\"\n"
}
FNR == 1 {
	base = FILENAME; sub(/.*\//, "", base)
	migration = base ~ /^[0-9]+_/
	if (migration) migrations++
	name = ""
}
migration { migration_text[migrations] = migration_text[migrations] quote($0); next }
/^-- name: / { name = $3; names[++count] = name; next }
/^--/ || /^[ \t]*$/ || name == "" { next }
{ text[name] = text[name] quote($0) }
END {
	print "/* Made from sql/ by build-aux/sql2c.awk. */"
	print "enum sql_id {"
	for (i = 1; i <= count; i++) print "\tSQL_" names[i] ","
	print "\tSQL_COUNT\n};"
	print "enum { SQL_MIGRATIONS = " migrations + 0 " };"
	print "#ifdef SQL_TEXTS"
	print "static const char *const sql_names[SQL_COUNT + 1] = {"
	for (i = 1; i <= count; i++) print "\t\"" names[i] "\","
	print "};\nstatic const char *const sql_texts[SQL_COUNT + 1] = {"
	for (i = 1; i <= count; i++) printf "%s\t,\n", text[names[i]]
	print "};\nstatic const char *const sql_migrations[SQL_MIGRATIONS + 1] = {"
	for (i = 1; i <= migrations; i++) printf "%s\t,\n", migration_text[i]
	print "};\n#endif"
}
