/* kill -9 at any point: no tick that mc_store_tick() acknowledged is lost, and the file is sound.
 * store_kill [POINTS [SEED]]; 50 points where nothing is said. */
#include "store_model.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/mc-kill-XXXXXX", path[64];

static struct mc_store *open_store(enum mc_store_mode mode)
{
	struct mc_store_config c = { .path = path, .mode = mode, .host = "h" };
	struct mc_store *s;
	struct mc_error e;
	if (mc_store_open(&c, &s, &e) == 0)
		return s;
	printf("# opening: %s\n", e.text);
	exit(1);
}

/* The victim: ticks from `from` on, each told through the pipe once it is acknowledged. At times it does
 * what else a daemon does. */
static void write_until_killed(int ack, int64_t from)
{
	struct mc_store *s = open_store(MC_STORE_WRITE);
	struct model m;
	struct mc_error e;
	if (model_begin(s, &m, &e) < 0)
		_exit(2);
	for (int64_t tick = from;; tick++) {
		if (model_tick(s, &m, tick, &e) < 0)
			_exit(3);
		if (write(ack, &tick, sizeof tick) != sizeof tick)
			_exit(4);
		if (tick % 97 == 96) {
			mc_store_close(s);
			s = open_store(MC_STORE_WRITE);
		}
		if (tick % 41 == 40 && mc_store_maintain(s, 0, &e) < 0)
			_exit(5);
		if (tick % 331 == 330 && mc_store_compact(s, NULL, NULL, &e) < 0)
			_exit(6);
	}
}

/* Ticks acknowledged by a child that was killed after `us` microseconds. */
static int64_t run_child(int64_t from, useconds_t us)
{
	int ends[2];
	if (pipe(ends) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid < 0)
		exit(1);
	if (pid == 0) {
		close(ends[0]);
		write_until_killed(ends[1], from);
	}
	close(ends[1]);
	usleep(us);
	kill(pid, SIGKILL);
	int64_t tick, acknowledged = from;
	while (read(ends[0], &tick, sizeof tick) == sizeof tick)
		acknowledged = tick + 1;
	close(ends[0]);
	int status;
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status)) {
		printf("# the child ended by itself: %d\n", WEXITSTATUS(status));
		return -1;
	}
	return acknowledged;
}

static int64_t look(int64_t acknowledged, enum mc_store_mode mode)
{
	struct mc_store *s = open_store(mode);
	struct mc_error e;
	struct mc_buf report = { 0 };
	char text[256] = "";
	int64_t there = model_verify(s, acknowledged, text);
	if (there >= 0 && mc_store_check(s, NULL, NULL, &report, &e) < 0) {
		snprintf(text, sizeof text, "%.255s", mc_buf_text(&report));
		there = -1;
	}
	mc_buf_release(&report);
	mc_store_close(s);
	if (there < 0)
		printf("# %s\n", text);
	return there;
}

static void clean_up(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s/*", dir);
	if (system(command) != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	long points = argc > 1 ? strtol(argv[1], NULL, 10) : 50;
	unsigned seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	if (points < 1 || points > 1000000 || !mkdtemp(dir))
		return 2;
	snprintf(path, sizeof path, "%s/a.db", dir);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..1\n");
	int64_t ticks = 0, all = 0;
	int bad = 0;
	for (long k = 0; k < points && !bad; k++) {
		if (k % 25 == 0) {
			clean_up();
			ticks = 0;
		}
		int64_t before = ticks;
		int64_t acknowledged = run_child(ticks, (useconds_t)(rand_r(&seed) % 60000));
		/* a child that came to nothing may not have made the file */
		if (acknowledged == 0 && access(path, F_OK) < 0)
			continue;
		/* a reader first: it must see the same without the writer's repair */
		struct mc_store_config c = { .path = path, .mode = MC_STORE_READ };
		struct mc_store *s;
		if (acknowledged < 0)
			bad = 1;
		else if (mc_store_open(&c, &s, NULL) == 0) {
			mc_store_close(s);
			bad = look(acknowledged, MC_STORE_READ) < 0;
		} else
			bad = acknowledged > 0;
		ticks = bad ? -1 : look(acknowledged, MC_STORE_WRITE);
		bad = bad || ticks < 0;
		all += ticks - before;
	}
	clean_up();
	rmdir(dir);
	printf("# %ld kills, %lld ticks\n%s 1 - no acknowledged tick is lost by kill -9\n", points, (long long)all,
		bad ? "not ok" : "ok");
	return bad;
}
