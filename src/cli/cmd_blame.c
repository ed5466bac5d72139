/* blame PROGRAM: which deploy started the growth. */
#include "cli.h"

static int exit_code(const struct cli *c, const struct mc_answer *a)
{
	if (a->verdict == MC_VERDICT_INSUFFICIENT)
		return CLI_TOO_FEW;
	if (!cli_option(c, "exit-code") || a->verdict != MC_VERDICT_LEAK || a->state != MC_STATE_ACTIVE)
		return CLI_DONE;
	return a->culprit != MC_NO_DEPLOY ? CLI_CULPRIT : CLI_GROWTH;
}

static int print(struct cli *c, const struct mc_blame *b, const struct mc_config *cfg, struct mc_error *err)
{
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_blame_json(j, NULL, b);
		return cli_print_json(c, j, err);
	}
	cli_blame_text(c, b, cfg);
	return 0;
}

int cmd_blame(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_blame b;
	struct mc_error why;
	int64_t as_of = 0;
	int rc = cli_as_of(c, &as_of, err);
	if (rc < 0 || (rc = cli_db_open(c, MC_STORE_READ, &db, err)) < 0)
		return rc;
	cli_busy("weighing", c->operands[0]);
	if (as_of == 0 && mc_answer_agreed(&db.cfg, db.path, c->operands[0], &as_of, &why) < 0)
		as_of = 0; /* there is no daemon to agree with */
	rc = mc_blame_program(db.store, &db.cfg, c->operands[0], as_of, &b, err);
	cli_busy_end();
	if (rc == 0) {
		rc = print(c, &b, &db.cfg, err);
		rc = rc < 0 ? rc : exit_code(c, &b.answer);
		mc_blame_release(&b);
	}
	rc = cli_unknown_program(&db, c->operands[0], rc, err);
	cli_db_close(&db);
	return rc;
}
